//! Asks secret2eks, asynchronously, to deliver the version that is current now.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use contract::DeliveryRequest;
use lambda_boundary::AwsError;

/// The function secret2eks, or none.
#[derive(Debug)]
pub struct DeliveryRequests {
    client: Client,
    function: Option<String>,
    timeout: Duration,
}

/// The request did not reach secret2eks.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Lambda refused it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The request could not be written as JSON.
    #[error("the delivery request could not be written")]
    Unwritable(#[from] serde_json::Error),
}

impl DeliveryRequests {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, function: Option<String>, timeout: Duration) -> Self {
        Self { client: Client::new(config), function, timeout }
    }

    /// Whether a function is configured.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.function.is_some()
    }

    /// Asks Lambda for something that concerns no function, to see whether it answers.
    ///
    /// # Errors
    /// What AWS answered, also that the role may not ask.
    pub async fn ask_anything(&self) -> Result<(), AwsError> {
        let sent = self.client.get_account_settings().send().await;
        sent.map(drop)
            .map_err(|error| AwsError::from_sdk("Lambda", "GetAccountSettings", self.timeout, &error))
    }

    /// Puts the request into Lambda's queue. Returns `false` if no function is configured. Repeating it is harmless:
    /// secret2eks looks up which version is current.
    ///
    /// # Errors
    /// When Lambda does not take it.
    pub async fn request(&self, request: &DeliveryRequest) -> Result<bool, RequestError> {
        let Some(function) = &self.function else {
            return Ok(false);
        };
        self.client
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(serde_json::to_vec(request)?))
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("Lambda", "Invoke", self.timeout, &error))?;
        Ok(true)
    }
}

//! Publishing failure notices to the dead-letter topic.

use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use contract::FailureNotice;

use lambda_boundary::AwsError;

/// The dead-letter topic.
#[derive(Debug)]
pub struct DeadLetter {
    client: Client,
    topic: String,
    timeout: Duration,
}

/// A notice could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// SNS refused it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The notice could not be written as JSON.
    #[error("the notice could not be written")]
    Unwritable(#[from] serde_json::Error),
    /// SNS's client could not build the message.
    #[error("the notice's attributes could not be written")]
    Attributes,
}

impl DeadLetter {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, topic: String, timeout: Duration) -> Self {
        Self { client: Client::new(config), topic, timeout }
    }

    /// Publishes a notice, with its kind and severity as attributes for subscription filters.
    ///
    /// # Errors
    /// When SNS does not take it.
    pub async fn publish(&self, notice: &FailureNotice) -> Result<(), PublishError> {
        let attribute = |value: &str| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|_| PublishError::Attributes)
        };
        self.client
            .publish()
            .topic_arn(&self.topic)
            .message(serde_json::to_string(notice)?)
            .message_attributes("kind", attribute(notice.kind.as_str())?)
            .message_attributes("severity", attribute(notice.severity.as_str())?)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("SNS", "Publish", self.timeout, &error))?;
        Ok(())
    }
}

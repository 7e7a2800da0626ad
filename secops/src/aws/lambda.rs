//! Lambda: asks the functions of the stack.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::Value;

use super::AwsError;
use super::config::{TIMEOUT, patient};

/// The longest time that Lambda lets a function run, and some seconds.
const LONGEST: Duration = Duration::from_secs(905);

/// What a function answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It succeeded with this value.
    Done(Value),
    /// It failed.
    Failed {
        /// `errorType`: a kind, or a name of Lambda.
        kind: String,
        /// `errorMessage`. Foreign text.
        message: String,
    },
}

/// Lambda.
#[derive(Debug, Clone)]
pub struct Lambda {
    /// For events, which Lambda takes at once.
    quick: Client,
    /// For calls that wait for the answer. They are not made again by themselves.
    patient: Client,
}

impl Lambda {
    /// Clients on the SDK's configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { quick: Client::new(config), patient: Client::new(&patient(config, LONGEST)) }
    }

    /// Invokes a function and waits for its answer, at most for `limit`.
    pub async fn ask(&self, function: &str, event: &Value, limit: Duration) -> Result<Answer, AwsError> {
        const OPERATION: &str = "Invoke";
        let call = self.patient.invoke().function_name(function).payload(Blob::new(event.to_string())).send();
        let unreachable = AwsError::Unreachable { service: "Lambda", operation: OPERATION, timeout: limit };
        let answer = tokio::time::timeout(limit.min(LONGEST), call).await.map_err(|_| unreachable)?;
        let answer = answer.map_err(|error| AwsError::from_sdk("Lambda", OPERATION, limit, &error))?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let value: Value = serde_json::from_slice(&payload).unwrap_or(Value::Null);
        if answer.function_error.is_none() {
            return Ok(Answer::Done(value));
        }
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        Ok(Answer::Failed { kind: text("errorType"), message: text("errorMessage") })
    }

    /// Puts an event into Lambda's queue for a function.
    pub async fn send(&self, function: &str, event: &Value) -> Result<(), AwsError> {
        let invoke = self.quick.invoke().function_name(function).invocation_type(InvocationType::Event);
        let sent = invoke.payload(Blob::new(event.to_string())).send().await;
        sent.map(drop).map_err(|error| AwsError::from_sdk("Lambda", "Invoke", TIMEOUT, &error))
    }
}

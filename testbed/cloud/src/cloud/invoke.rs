//! Direct invocations: one step of rotation-mq, or an action for an incident.

use anyhow::{Context as _, Result, bail};
use aws::RotationOptions;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::{Value, json};

use super::Cloud;

/// The answer of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It succeeded with this value.
    Done(Value),
    /// It failed.
    Failed {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
    },
}

impl Answer {
    /// The kind of the failure, or of what was held back; empty after another success.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Done(value) if value["outcome"] == "heldBack" => {
                value["warnings"][0]["kind"].as_str().unwrap_or_default()
            }
            Self::Done(_) => "",
            Self::Failed { kind, .. } => kind,
        }
    }

    /// The value of a success.
    ///
    /// # Errors
    /// The function's own error.
    pub fn value(self) -> Result<Value> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Failed { kind, message } => bail!("{kind}: {message}"),
        }
    }
}

impl Cloud {
    /// Invokes rotation-mq with `event` and waits for its answer.
    ///
    /// # Errors
    /// When Lambda does not run it.
    pub async fn invoke(&self, event: &Value) -> Result<Answer> {
        self.invoke_function(self.rotation_function()?, event).await
    }

    /// Invokes the function for incidents with `event`, as SecOps does, and waits for its answer.
    ///
    /// # Errors
    /// When Lambda does not run it.
    pub async fn act(&self, event: &Value) -> Result<Answer> {
        self.invoke_function(self.incident_function()?, event).await
    }

    /// Invokes the function that only looks with `event`, and waits for its answer.
    ///
    /// # Errors
    /// When Lambda does not run it.
    pub async fn look(&self, event: &Value) -> Result<Answer> {
        self.invoke_function(self.inspect_function()?, event).await
    }

    /// Invokes any function with `event` and waits for its answer.
    ///
    /// # Errors
    /// When Lambda does not run it.
    pub async fn invoke_function(&self, function: &str, event: &Value) -> Result<Answer> {
        let answer = self
            .lambda
            .invoke()
            .function_name(function)
            .payload(Blob::new(event.to_string()))
            .send()
            .await
            .context("Lambda did not run the function")?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let value: Value = serde_json::from_slice(&payload).unwrap_or(Value::Null);
        if answer.function_error.is_none() {
            return Ok(Answer::Done(value));
        }
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        Ok(Answer::Failed { kind: text("errorType"), message: text("errorMessage") })
    }

    /// Puts an event into Lambda's queue for a function, as EventBridge does, and does not wait for its end.
    ///
    /// # Errors
    /// When Lambda does not take it.
    pub async fn send_event(&self, function: &str, event: &Value) -> Result<()> {
        let invoke = self.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        invoke.payload(Blob::new(event.to_string())).send().await.context("Lambda did not take the event")?;
        Ok(())
    }

    /// Starts a rotation as far as Secrets Manager's own part of it: the new version is AWSPENDING and has
    /// no value, and no step has run. The version's id.
    ///
    /// # Errors
    /// When the rotation does not start.
    pub async fn begin_rotation(&self, arn: &str) -> Result<String> {
        let no_steps = RotationOptions { steps: Some(0), ..RotationOptions::default() };
        self.aws.set_rotation_options(Some(arn), &no_steps).await?;
        let version = self.start_rotation(arn).await?;
        self.aws.wait_for_rotation(arn, Some(&version), std::time::Duration::from_secs(30)).await?;
        Ok(version)
    }

    /// Runs one step for a version, as Secrets Manager would.
    ///
    /// # Errors
    /// When Lambda does not run it.
    pub async fn step(&self, arn: &str, version: &str, step: &str) -> Result<Answer> {
        self.invoke(&json!({"Step": step, "SecretId": arn, "ClientRequestToken": version})).await
    }

    /// Runs all four steps for a version, and stops at the first failure.
    ///
    /// # Errors
    /// When Lambda does not run one, or one fails.
    pub async fn steps(&self, arn: &str, version: &str) -> Result<()> {
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            self.step(arn, version, step).await?.value().with_context(|| step.to_owned())?;
        }
        Ok(())
    }
}

//! What Secrets Manager reports about a secret. This function may not read its value.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::primitives::DateTime;
use contract::Tags;
use jiff::Timestamp;
use lambda_boundary::AwsError;

use crate::access::Facts;

mod pending;
mod standing;

pub use pending::{Order, Page, Pending};
pub use standing::Standing;

use standing::is_gone;

/// Secrets Manager.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    timeout: Duration,
}

/// What an alert says about a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecretFacts {
    /// When a rotation succeeded last.
    pub last_rotated: Option<Timestamp>,
    /// When the next one is due at the latest.
    pub next_rotation: Option<Timestamp>,
    /// Whether it is scheduled for deletion.
    pub is_deleted: bool,
}

impl SecretStore {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration) -> Self {
        Self { client: Client::new(config), timeout }
    }

    /// What is known of the secret `subject`, in whichever form it is named.
    pub async fn standing(&self, subject: &str) -> Standing {
        Standing::of(self.describe(subject).await.map(|answer| SecretFacts {
            last_rotated: time(answer.last_rotated_date),
            next_rotation: time(answer.next_rotation_date),
            is_deleted: answer.deleted_date.is_some(),
        }))
    }

    /// The complete ARN of the secret `reference`, in whichever form it is named. None if the suite may not rotate it, or it
    /// does not exist.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn complete_arn(&self, reference: &str) -> Result<Option<String>, AwsError> {
        match self.describe(reference).await {
            Ok(answer) => Ok(answer.arn),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who may read the secret `reference`, in whichever form it is named. None if it does not exist, or a policy denies this
    /// function to describe it.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn describe_for_access(&self, reference: &str) -> Result<Option<Facts>, AwsError> {
        let answer = match self.describe(reference).await {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let tags = answer.tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value?)));
        let tags: Tags = tags.collect();
        Ok(Some(Facts { arn: answer.arn, tags, created: time(answer.created_date) }))
    }

    /// # Errors
    /// When Secrets Manager does not answer, or this function may not describe the secret.
    async fn describe(&self, arn: &str) -> Result<DescribeSecretOutput, AwsError> {
        self.client
            .describe_secret()
            .secret_id(arn)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("Secrets Manager", "DescribeSecret", self.timeout, &error))
    }
}

fn time(date: Option<DateTime>) -> Option<Timestamp> {
    date.and_then(|date| Timestamp::from_second(date.secs()).ok())
}

//! What Secrets Manager says about a secret beside its value, which this function may not read.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use lambda_boundary::AwsError;

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
}

impl SecretStore {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration) -> Self {
        Self { client: Client::new(config), timeout }
    }

    /// `DescribeSecret`.
    ///
    /// # Errors
    /// When Secrets Manager does not answer, or the secret is out of this function's reach.
    pub async fn describe(&self, arn: &str) -> Result<SecretFacts, AwsError> {
        let answer =
            self.client.describe_secret().secret_id(arn).send().await.map_err(|error| {
                AwsError::from_sdk("Secrets Manager", "DescribeSecret", self.timeout, &error)
            })?;
        let time = |date: Option<aws_sdk_secretsmanager::primitives::DateTime>| {
            date.and_then(|date| Timestamp::from_second(date.secs()).ok())
        };
        Ok(SecretFacts {
            last_rotated: time(answer.last_rotated_date),
            next_rotation: time(answer.next_rotation_date),
        })
    }
}

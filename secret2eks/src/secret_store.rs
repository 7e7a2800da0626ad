//! Secrets Manager: which version is current, where it goes, and the receipt. No value is read here: the function's role
//! has no permission to do that.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;
use contract::{Kind, Tags, is_elsewhere};
use lambda_boundary::{AwsError, patiently};

mod listing;

pub use self::listing::Page;

const SERVICE: &str = "Secrets Manager";
const AWSCURRENT: &str = "AWSCURRENT";

/// Secrets Manager, with the longest time that one call may take.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    timeout: Duration,
}

/// What is known of a secret.
#[derive(Debug, Clone)]
pub struct Description {
    /// The complete ARN.
    pub arn: String,
    /// The version that is AWSCURRENT. None before a first value is stored.
    pub current: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// The region of the primary secret, if this one is a replica. A replica has the tags of its primary, and nobody can set
    /// them here.
    pub primary_region: Option<String>,
    /// Whether Secrets Manager rotates it.
    pub rotation_enabled: bool,
}

/// Whether a secret exists.
#[derive(Debug, Clone)]
pub enum Standing {
    /// It exists.
    Exists(Description),
    /// It was deleted, or is scheduled for deletion. Secrets Manager still knows the ARN of the latter.
    Deleted(Option<String>),
}

/// A secret cannot be described, or its receipt cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such secret, or it is scheduled for deletion.
    #[error("Secrets Manager does not know the secret, or it is scheduled for deletion")]
    NotFound,
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl StoreError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound => Kind::SecretNotFound,
            Self::Aws(error) => error.kind(),
        }
    }

    /// Whether the account makes too many calls of this operation.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_throttled())
    }
}

impl SecretStore {
    /// A store on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration) -> Self {
        Self { client: Client::new(config), timeout }
    }

    /// The current version, and the tags. A secret that was deleted is an answer, too.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn standing(&self, secret: &str) -> Result<Standing, StoreError> {
        let answer = self.client.describe_secret().secret_id(secret).send().await;
        let answer = match answer.map_err(|error| self.error("DescribeSecret", &error)) {
            Err(StoreError::NotFound) => return Ok(Standing::Deleted(None)),
            answer => answer?,
        };
        if answer.deleted_date.is_some() {
            return Ok(Standing::Deleted(answer.arn));
        }
        let arn = answer.arn.unwrap_or_else(|| secret.to_owned());
        Ok(Standing::Exists(Description {
            primary_region: answer.primary_region.filter(|primary| is_elsewhere(&arn, primary)),
            arn,
            current: current(answer.version_ids_to_stages),
            tags: tags(answer.tags),
            rotation_enabled: answer.rotation_enabled.unwrap_or(false),
        }))
    }

    /// Writes the receipt: the cluster holds `version` now. Repeating it changes nothing. If AWS throttles it, it waits for
    /// its turn.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn write_receipt(&self, secret: &str, version: &str) -> Result<(), StoreError> {
        patiently(async || self.tag(secret, version).await, StoreError::is_throttled).await
    }

    async fn tag(&self, secret: &str, version: &str) -> Result<(), StoreError> {
        let receipt = Tag::builder().key(Tags::DELIVERED).value(version).build();
        let answer = self.client.tag_resource().secret_id(secret).tags(receipt).send().await;
        answer.map(|_| ()).map_err(|error| self.error("TagResource", &error))
    }

    fn error<E, R>(
        &self,
        operation: &'static str,
        error: &aws_sdk_secretsmanager::error::SdkError<E, R>,
    ) -> StoreError
    where
        E: aws_sdk_secretsmanager::error::ProvideErrorMetadata,
    {
        let error = AwsError::from_sdk(SERVICE, operation, self.timeout, error);
        let is_deleted = error.is("InvalidRequestException") && error.says("marked for deletion");
        if is_deleted || error.is("ResourceNotFoundException") { StoreError::NotFound } else { error.into() }
    }
}

/// The version that is AWSCURRENT.
fn current(versions: Option<HashMap<String, Vec<String>>>) -> Option<String> {
    let mut versions = versions.unwrap_or_default().into_iter();
    versions.find(|(_, stages)| stages.iter().any(|stage| stage == AWSCURRENT)).map(|(id, _)| id)
}

fn tags(tags: Option<Vec<Tag>>) -> Tags {
    let tags = tags.unwrap_or_default().into_iter();
    tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

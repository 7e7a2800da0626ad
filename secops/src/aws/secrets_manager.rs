//! Secrets Manager: what is known of secrets and their versions, and the changes that people ask for. It never asks for a
//! value.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, Tag};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use contract::Tags;
use jiff::Timestamp;

use super::AwsError;
use super::config::TIMEOUT;
use crate::secret::{Secret, Version};

const SERVICE: &str = "Secrets Manager";
const PAGE: i32 = 100;
/// Twice the number of secrets that the suite is made for.
const PAGES_LIMIT: usize = 200;
/// Secrets Manager drops old versions beyond about a hundred.
const VERSIONS_PAGES_LIMIT: usize = 5;

/// Secrets Manager.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
}

impl SecretsManager {
    /// A client on the SDK's configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Every secret that has a tag with one of these keys.
    pub async fn with_tags(&self, keys: &[&str]) -> Result<Vec<Secret>, AwsError> {
        self.list(FilterNameStringType::TagKey, keys).await
    }

    /// Every secret whose name begins with one of these prefixes.
    pub async fn named(&self, prefixes: &[&str]) -> Result<Vec<Secret>, AwsError> {
        let mut secrets = self.list(FilterNameStringType::Name, prefixes).await?;
        // The filter ignores case.
        secrets.retain(|secret| prefixes.iter().any(|prefix| secret.name.starts_with(prefix)));
        Ok(secrets)
    }

    async fn list(&self, key: FilterNameStringType, values: &[&str]) -> Result<Vec<Secret>, AwsError> {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let filter = Filter::builder().key(key).set_values(Some(values)).build();
        let (mut secrets, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_LIMIT {
            let page =
                self.client.list_secrets().filters(filter.clone()).max_results(PAGE).set_next_token(next);
            let page = page.send().await.map_err(|error| refused("ListSecrets", &error))?;
            secrets.extend(page.secret_list.unwrap_or_default().into_iter().filter_map(listed));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(secrets)
    }

    /// One secret, by its name or ARN.
    pub async fn describe(&self, id: &str) -> Result<Secret, AwsError> {
        const OPERATION: &str = "DescribeSecret";
        let found = self
            .client
            .describe_secret()
            .secret_id(id)
            .send()
            .await
            .map_err(|error| refused(OPERATION, &error))?;
        let unreadable = || AwsError::Unreadable { service: SERVICE, operation: OPERATION };
        Ok(Secret {
            arn: found.arn.ok_or_else(unreadable)?,
            name: found.name.ok_or_else(unreadable)?,
            tags: tags(found.tags),
            rotation_enabled: found.rotation_enabled.unwrap_or(false),
            rotation_function: found.rotation_lambda_arn,
            last_rotated: time(found.last_rotated_date),
            next_rotation: time(found.next_rotation_date),
            created_at: time(found.created_date),
            deleted_at: time(found.deleted_date),
            primary_region: found.primary_region,
            versions: versions(found.version_ids_to_stages),
        })
    }

    /// The versions of a secret, also those without a label, with their ages.
    pub async fn versions(&self, id: &str) -> Result<Vec<Version>, AwsError> {
        let (mut versions, mut next) = (Vec::new(), None);
        for _ in 0..VERSIONS_PAGES_LIMIT {
            let page = self.client.list_secret_version_ids().secret_id(id).include_deprecated(true);
            let page = page.max_results(PAGE).set_next_token(next).send().await;
            let page = page.map_err(|error| refused("ListSecretVersionIds", &error))?;
            versions.extend(page.versions.unwrap_or_default().into_iter().filter_map(|entry| {
                Some(Version {
                    id: entry.version_id?,
                    stages: entry.version_stages.unwrap_or_default(),
                    created_at: time(entry.created_date),
                })
            }));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(versions)
    }

    /// Starts a rotation. Returns the version that it makes.
    pub async fn rotate(&self, id: &str) -> Result<Option<String>, AwsError> {
        let rotation = self.client.rotate_secret().secret_id(id).send().await;
        rotation.map(|started| started.version_id).map_err(|error| refused("RotateSecret", &error))
    }

    /// Ends the schedule. A running rotation goes on.
    pub async fn cancel_rotation(&self, id: &str) -> Result<(), AwsError> {
        let cancelled = self.client.cancel_rotate_secret().secret_id(id).send().await;
        cancelled.map(drop).map_err(|error| refused("CancelRotateSecret", &error))
    }

    /// Moves AWSCURRENT from one version to another.
    pub async fn move_current(&self, id: &str, from: &str, to: &str) -> Result<(), AwsError> {
        let change = self.client.update_secret_version_stage().secret_id(id).version_stage("AWSCURRENT");
        let moved = change.remove_from_version_id(from).move_to_version_id(to).send().await;
        moved.map(drop).map_err(|error| refused("UpdateSecretVersionStage", &error))
    }

    /// Removes the receipt of the last delivery.
    pub async fn remove_receipt(&self, id: &str) -> Result<(), AwsError> {
        let removed = self.client.untag_resource().secret_id(id).tag_keys(Tags::DELIVERED).send().await;
        removed.map(drop).map_err(|error| refused("UntagResource", &error))
    }

    /// Removes AWSPENDING from a version.
    pub async fn remove_pending(&self, id: &str, version: &str) -> Result<(), AwsError> {
        let change = self.client.update_secret_version_stage().secret_id(id).version_stage("AWSPENDING");
        let removed = change.remove_from_version_id(version).send().await;
        removed.map(drop).map_err(|error| refused("UpdateSecretVersionStage", &error))
    }
}

fn refused<E, R>(operation: &'static str, error: &SdkError<E, R>) -> AwsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    AwsError::from_sdk(SERVICE, operation, TIMEOUT, error)
}

fn listed(entry: SecretListEntry) -> Option<Secret> {
    Some(Secret {
        arn: entry.arn?,
        name: entry.name?,
        tags: tags(entry.tags),
        rotation_enabled: entry.rotation_enabled.unwrap_or(false),
        rotation_function: entry.rotation_lambda_arn,
        last_rotated: time(entry.last_rotated_date),
        next_rotation: time(entry.next_rotation_date),
        created_at: time(entry.created_date),
        deleted_at: time(entry.deleted_date),
        primary_region: entry.primary_region,
        versions: versions(entry.secret_versions_to_stages),
    })
}

fn tags(tags: Option<Vec<Tag>>) -> Tags {
    let tags = tags.unwrap_or_default().into_iter();
    tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

fn versions(stages: Option<std::collections::HashMap<String, Vec<String>>>) -> Vec<Version> {
    let versions = stages.unwrap_or_default().into_iter();
    let mut versions: Vec<_> =
        versions.map(|(id, stages)| Version { id, stages, created_at: None }).collect();
    versions.sort_by(|one, other| one.id.cmp(&other.id));
    versions
}

fn time(date: Option<DateTime>) -> Option<Timestamp> {
    date.and_then(|date| Timestamp::from_second(date.secs()).ok())
}

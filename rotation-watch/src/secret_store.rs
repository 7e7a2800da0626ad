//! Lists the secrets under a policy, page by page, and the ages of their versions. It never reads a value.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::list_secret_version_ids::ListSecretVersionIdsOutput;
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, SortOrderType};
use contract::{Tags, is_elsewhere};
use jiff::Timestamp;
use lambda_boundary::{AwsError, patiently};

use crate::pace::Pace;
use crate::watched::{Secret, Version, Versions};

const PAGE: i32 = 100;
/// Ten times the number of secrets that the suite is made for.
const PAGES_LIMIT: usize = 1_000;
/// Secrets Manager drops old versions beyond about a hundred.
const VERSIONS_PAGES_LIMIT: usize = 5;
/// The time between two calls of `ListSecretVersionIds`. AWS allows 50 a second for all callers of the account in a region.
/// The watch makes at most five sixths of them, and leaves the others at least eight a second.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
const ASK_EVERY: Duration = Duration::from_millis(24);

/// Secrets Manager.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    timeout: Duration,
    pace: Pace,
}

impl SecretStore {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration) -> Self {
        Self { client: Client::new(config), timeout, pace: Pace::new(ASK_EVERY) }
    }

    /// Every secret that has a tag of a policy, or `rotation_tag`. The ages of the versions are not known yet. Replicas are
    /// left out: their primary is rotated and watched in the primary's region.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn under_policy(&self, rotation_tag: &str) -> Result<Vec<Secret>, AwsError> {
        let keys = Filter::builder()
            .key(FilterNameStringType::TagKey)
            .values(Tags::MAX_AGE_DAYS)
            .values(Tags::OWNER)
            .values(rotation_tag)
            .build();
        let mut secrets = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_LIMIT {
            let page = self
                .client
                .list_secrets()
                .filters(keys.clone())
                .sort_order(SortOrderType::Asc)
                .max_results(PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| {
                    AwsError::from_sdk("Secrets Manager", "ListSecrets", self.timeout, &error)
                })?;
            secrets.extend(page.secret_list.unwrap_or_default().into_iter().filter_map(secret));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(secrets)
    }

    /// The versions of `secret`, with their ages. If AWS throttles a call, it waits for its turn.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn date_versions(&self, secret: &Secret) -> Result<Versions, AwsError> {
        let mut versions = Versions { current: secret.current.clone(), pending: secret.pending.clone() };
        let mut next: Option<String> = None;
        for _ in 0..VERSIONS_PAGES_LIMIT {
            let page = patiently(
                async || self.versions_page(&secret.arn, next.clone()).await,
                AwsError::is_throttled,
            )
            .await?;
            for entry in page.versions.unwrap_or_default() {
                for version in [&mut versions.current, &mut versions.pending].into_iter().flatten() {
                    if Some(version.id.as_str()) == entry.version_id.as_deref() {
                        version.created_at = time(entry.created_date);
                    }
                }
            }
            next = page.next_token;
            let is_known =
                |version: &Option<Version>| version.as_ref().is_none_or(|one| one.created_at.is_some());
            if next.is_none() || (is_known(&versions.current) && is_known(&versions.pending)) {
                break;
            }
        }
        Ok(versions)
    }

    async fn versions_page(
        &self,
        arn: &str,
        next: Option<String>,
    ) -> Result<ListSecretVersionIdsOutput, AwsError> {
        self.pace.turn().await;
        let list = self.client.list_secret_version_ids().secret_id(arn).max_results(PAGE);
        list.set_next_token(next).send().await.map_err(|error| {
            AwsError::from_sdk("Secrets Manager", "ListSecretVersionIds", self.timeout, &error)
        })
    }
}

fn secret(entry: SecretListEntry) -> Option<Secret> {
    let versions = entry.secret_versions_to_stages.unwrap_or_default();
    let with = |stage: &str| {
        let found = versions.iter().find(|(_, stages)| stages.iter().any(|found| found == stage));
        found.map(|(id, _)| Version { id: id.clone(), created_at: None })
    };
    let current = with("AWSCURRENT");
    let pending = with("AWSPENDING").filter(|pending| current.as_ref() != Some(pending));
    let tags = entry.tags.unwrap_or_default().into_iter();
    let arn = entry.arn?;
    if entry.primary_region.is_some_and(|primary| is_elsewhere(&arn, &primary)) {
        return None;
    }
    Some(Secret {
        arn,
        name: entry.name?,
        tags: tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect(),
        rotation_enabled: entry.rotation_enabled.unwrap_or(false),
        last_rotated: time(entry.last_rotated_date),
        next_rotation: time(entry.next_rotation_date),
        created_at: time(entry.created_date),
        current,
        pending,
    })
}

fn time(date: Option<DateTime>) -> Option<Timestamp> {
    date.and_then(|date| Timestamp::from_second(date.secs()).ok())
}

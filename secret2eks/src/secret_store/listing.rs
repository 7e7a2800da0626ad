//! Lists the secrets that go to a cluster, page by page.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>
//!
//! The list is eventually consistent, so it is no evidence that a secret does not exist. Only `DescribeSecret` is.

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, SortOrderType};
use contract::{Tags, is_elsewhere};
use lambda_boundary::patiently;

use super::{Description, SecretStore, StoreError, current, tags};

/// The most that Secrets Manager returns.
const SECRETS_PER_PAGE: i32 = 100;

/// Some of the secrets.
#[derive(Debug)]
pub struct Page {
    /// What Secrets Manager knows of them.
    pub secrets: Vec<Description>,
    /// Where the next page begins. None on the last page.
    pub next: Option<String>,
}

impl SecretStore {
    /// A page of the secrets that have the tag `secret2eks/namespace` and whose names begin with `prefix`. Deleted secrets
    /// are left out. If AWS throttles it, it waits for its turn.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn routed(&self, prefix: &str, next: Option<&str>) -> Result<Page, StoreError> {
        patiently(async || self.list(prefix, next).await, StoreError::is_throttled).await
    }

    async fn list(&self, prefix: &str, next: Option<&str>) -> Result<Page, StoreError> {
        let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
        let page = self
            .client
            .list_secrets()
            .filters(filter(FilterNameStringType::TagKey, Tags::NAMESPACE))
            .filters(filter(FilterNameStringType::Name, prefix))
            .sort_order(SortOrderType::Asc)
            .max_results(SECRETS_PER_PAGE)
            .set_next_token(next.map(str::to_owned))
            .send()
            .await
            .map_err(|error| self.error("ListSecrets", &error))?;
        let entries = page.secret_list.unwrap_or_default().into_iter();
        Ok(Page { secrets: entries.filter_map(described).collect(), next: page.next_token })
    }
}

fn described(entry: SecretListEntry) -> Option<Description> {
    let arn = entry.arn.filter(|_| entry.deleted_date.is_none())?;
    Some(Description {
        primary_region: entry.primary_region.filter(|primary| is_elsewhere(&arn, primary)),
        arn,
        current: current(entry.secret_versions_to_stages),
        tags: tags(entry.tags),
        rotation_enabled: entry.rotation_enabled.unwrap_or(false),
    })
}

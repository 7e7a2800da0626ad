//! The versions that are pending, of all secrets that are rotated.

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, SortOrderType};
use contract::is_elsewhere;
use jiff::Timestamp;
use lambda_boundary::AwsError;

use super::{SecretStore, is_gone, time};

const PAGE: i32 = 100;

/// A version that is AWSPENDING and not AWSCURRENT, of a secret that is rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The secret.
    pub arn: String,
    /// The version.
    pub version: String,
    /// Since when, if that is known.
    pub since: Option<Timestamp>,
}

/// The order in which secrets are listed, by the time of their creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest secret first.
    OldestFirst,
    /// The newest secret first.
    NewestFirst,
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// What was found.
    pub pending: Vec<Pending>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl SecretStore {
    /// A page of the pending versions of all secrets that have the tag `tag` (key and value) and are rotated here. Until
    /// [`SecretStore::date`] looks it up, `since` is the last change of the secret: a version cannot have become pending
    /// after that.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn pending(
        &self,
        tag: &(String, String),
        order: Order,
        after: Option<String>,
    ) -> Result<Page, AwsError> {
        let (key, value) = tag;
        // Filters compare only the beginning of a text.
        let filter = |name, text: &str| Filter::builder().key(name).values(text).build();
        let order = match order {
            Order::OldestFirst => SortOrderType::Asc,
            Order::NewestFirst => SortOrderType::Desc,
        };
        let page = self
            .client
            .list_secrets()
            .filters(filter(FilterNameStringType::TagKey, key))
            .filters(filter(FilterNameStringType::TagValue, value))
            .sort_order(order)
            .max_results(PAGE)
            .set_next_token(after)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("Secrets Manager", "ListSecrets", self.timeout, &error))?;
        let secrets = page.secret_list.unwrap_or_default().into_iter();
        let pending = secrets.filter(|secret| has_tag(secret, key, value)).filter_map(pending).collect();
        Ok(Page { pending, next: page.next_token })
    }

    /// Whether the version is AWSPENDING and not AWSCURRENT.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn is_pending(&self, arn: &str, version: &str) -> Result<bool, AwsError> {
        let answer = match self.describe(arn).await {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let stages = answer.version_ids_to_stages.unwrap_or_default().remove(version).unwrap_or_default();
        Ok(is_unfinished(&stages))
    }

    /// Looks up since when the version exists. A version without a value is not listed, and keeps its time.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn date(&self, mut pending: Pending) -> Result<Pending, AwsError> {
        let request = self.client.list_secret_version_ids().secret_id(&pending.arn).max_results(PAGE);
        let answer = request.send().await.map_err(|error| {
            AwsError::from_sdk("Secrets Manager", "ListSecretVersionIds", self.timeout, &error)
        });
        let answer = match answer {
            Ok(answer) => answer,
            // It has been deleted meanwhile.
            Err(error) if error.is("ResourceNotFoundException") => {
                return Ok(Pending { since: None, ..pending });
            }
            Err(error) => return Err(error),
        };
        let versions = answer.versions.unwrap_or_default();
        let own =
            versions.into_iter().find(|one| one.version_id.as_deref() == Some(pending.version.as_str()));
        if let Some(created) = own.and_then(|version| time(version.created_date)) {
            pending.since = Some(created);
        }
        Ok(pending)
    }
}

fn has_tag(secret: &SecretListEntry, key: &str, value: &str) -> bool {
    secret.tags().iter().any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
}

/// A replica is left out: its primary is rotated in the primary's region.
fn pending(secret: SecretListEntry) -> Option<Pending> {
    let versions = secret.secret_versions_to_stages.unwrap_or_default();
    let (version, _) = versions
        .into_iter()
        .find(|(_, stages)| is_unfinished(stages))
        .filter(|_| secret.rotation_enabled == Some(true))?;
    let arn = secret.arn?;
    let is_replica = secret.primary_region.is_some_and(|primary| is_elsewhere(&arn, &primary));
    (!is_replica).then(|| Pending { arn, version, since: time(secret.last_changed_date) })
}

fn is_unfinished(stages: &[String]) -> bool {
    let has = |stage: &str| stages.iter().any(|found| found == stage);
    has("AWSPENDING") && !has("AWSCURRENT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_pending_when_it_is_not_current_and_the_secret_is_rotated() {
        let secret = |rotated, stages: &[(&str, &[&str])]| {
            let owned = |list: &[&str]| list.iter().map(|stage| (*stage).to_owned()).collect::<Vec<_>>();
            let versions = stages.iter().map(|(id, list)| ((*id).to_owned(), owned(list))).collect();
            SecretListEntry::builder()
                .arn("arn")
                .rotation_enabled(rotated)
                .set_secret_versions_to_stages(Some(versions))
                .build()
        };
        let stuck: &[(&str, &[&str])] = &[("v1", &["AWSCURRENT"]), ("v2", &["AWSPENDING"])];
        let done: &[(&str, &[&str])] = &[("v2", &["AWSCURRENT", "AWSPENDING"]), ("v1", &["AWSPREVIOUS"])];
        let version = |secret| pending(secret).map(|pending| pending.version);
        assert_eq!(version(secret(true, stuck)).as_deref(), Some("v2"));
        assert_eq!(version(secret(false, stuck)), None, "somebody has switched rotation off");
        assert_eq!(version(secret(true, done)), None);
    }
}

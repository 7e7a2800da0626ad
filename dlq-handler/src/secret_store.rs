//! What Secrets Manager reports about a secret. This function may not read its value.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, SortOrderType};
use contract::{Area, Kind, Tags, is_elsewhere};
use jiff::Timestamp;
use lambda_boundary::AwsError;

use crate::access::Facts;
use crate::message::function_of_reconcile;

const PAGE: i32 = 100;

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

/// What is known of the subject of an incident.
#[derive(Debug)]
pub enum Standing {
    /// A secret that exists.
    Exists(SecretFacts),
    /// Secrets Manager does not know such a secret, or the suite may not rotate it.
    Gone(AwsError),
    /// A secret that may exist or not, because Secrets Manager did not answer.
    Unclear(AwsError),
    /// A function or an alarm of this stack, by its name (`OWN_NAMES`).
    Own,
    /// A function or an alarm of another name.
    NotOwn,
    /// None of these: a message, or a subject that could not be compared with a name.
    NoSecret,
}

/// Whether Secrets Manager does not know such a secret, or the suite may not rotate it.
fn is_gone(error: &AwsError) -> bool {
    let codes = ["ResourceNotFoundException", "ValidationException", "InvalidParameterException"];
    error.kind() == Kind::AwsAccessDenied || codes.iter().any(|code| error.is(code))
}

impl Standing {
    fn of(answer: Result<SecretFacts, AwsError>) -> Self {
        match answer {
            Ok(facts) => Self::Exists(facts),
            Err(error) if is_gone(&error) => Self::Gone(error),
            Err(error) => Self::Unclear(error),
        }
    }

    /// What is known of a subject that is not a secret. `own` are the names of the stack's functions and alarms. Without
    /// names, nothing is known.
    #[must_use]
    pub fn by_name(subject: &str, area: Area, own: &[String]) -> Self {
        let subject = function_of_reconcile(subject).unwrap_or(subject);
        match area {
            Area::Function | Area::Alarm if own.iter().any(|name| name == subject) => Self::Own,
            Area::Function | Area::Alarm if !own.is_empty() => Self::NotOwn,
            _ => Self::NoSecret,
        }
    }

    /// Whether no success will close an incident in this area. A secret that is scheduled for deletion is delivered no more.
    #[must_use]
    pub fn has_left(&self, area: Area) -> bool {
        match self {
            Self::Exists(facts) => facts.is_deleted && area == Area::Delivery,
            Self::Gone(_) | Self::NotOwn => true,
            Self::Unclear(_) | Self::Own | Self::NoSecret => false,
        }
    }

    /// What an alert says about the secret.
    #[must_use]
    pub fn facts(&self) -> Option<&SecretFacts> {
        match self {
            Self::Exists(facts) => Some(facts),
            Self::Gone(_) | Self::Unclear(_) | Self::Own | Self::NotOwn | Self::NoSecret => None,
        }
    }
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

fn time(date: Option<DateTime>) -> Option<Timestamp> {
    date.and_then(|date| Timestamp::from_second(date.secs()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_gone_only_when_secrets_manager_says_so() {
        let refused = |code: &str| {
            let (service, operation) = ("Secrets Manager", "DescribeSecret");
            let (code, message) = (code.to_owned(), String::new());
            Standing::of(Err(AwsError::Refused { service, operation, code, message }))
        };
        for code in ["ResourceNotFoundException", "AccessDeniedException", "ValidationException"] {
            assert!(matches!(refused(code), Standing::Gone(_)), "{code}");
        }
        for code in ["ThrottlingException", "InternalServiceError"] {
            assert!(matches!(refused(code), Standing::Unclear(_)), "{code}");
        }
        assert!(matches!(Standing::of(Ok(SecretFacts::default())), Standing::Exists(_)));
    }

    #[test]
    fn the_incident_of_a_delivery_also_ends_if_its_secret_is_scheduled_for_deletion() {
        let secret = |is_deleted| Standing::Exists(SecretFacts { is_deleted, ..SecretFacts::default() });
        let cases = [
            (secret(true), Area::Delivery, true),
            (secret(true), Area::Rotation, false),
            (secret(false), Area::Delivery, false),
            (Standing::NotOwn, Area::Alarm, true),
            (Standing::Own, Area::Alarm, false),
            (Standing::NoSecret, Area::Delivery, false),
        ];
        for (standing, area, expected) in cases {
            assert_eq!(standing.has_left(area), expected, "{standing:?} {area:?}");
        }
    }

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

    #[test]
    fn a_function_or_an_alarm_is_the_stacks_own_by_its_whole_name_only() {
        let own = ["rotation-rotation-mq".to_owned(), "rotation-incident-errors".to_owned()];
        let cases = [
            ("rotation-rotation-mq", Area::Function, "Own"),
            ("rotation-incident-errors", Area::Alarm, "Own"),
            ("rotation-foo", Area::Alarm, "NotOwn"),
            ("rotation-rotation-mq2", Area::Function, "NotOwn"),
            ("rotation-rotation-mq reconcile", Area::Function, "Own"),
            ("rotation-foo reconcile", Area::Function, "NotOwn"),
            ("", Area::Function, "NotOwn"),
            ("rotation-rotation-mq", Area::Message, "NoSecret"),
        ];
        for (subject, area, expected) in cases {
            assert_eq!(format!("{:?}", Standing::by_name(subject, area, &own)), expected, "{subject}");
            assert!(matches!(Standing::by_name(subject, area, &[]), Standing::NoSecret), "{subject}");
        }
    }
}

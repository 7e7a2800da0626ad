//! Secrets Manager: the versions of a secret, their values, and the staging labels attached to them.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;
use contract::{SecretValue, SecretValueError, Tags, cut};

use crate::event::RotationToken;
use crate::version_state::{AWSCURRENT, AWSPENDING, AWSPREVIOUS, Versions};
use lambda_boundary::{AwsError, patiently};

const SERVICE: &str = "Secrets Manager";
const NOT_FOUND: &str = "ResourceNotFoundException";
/// *"You can't perform this operation on the secret because it was marked for deletion."*
const WRONG_STATE: &str = "InvalidRequestException";
const VERSIONS_A_PAGE: i32 = 100;
/// The longest id of a version in AWS. Errors name it.
const VERSION_ID_BYTES: usize = 64;

/// Secrets Manager, with the longest time that one call may take.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    timeout: Duration,
}

/// The part of `DescribeSecret` that a function needs.
#[derive(Debug)]
pub struct Description {
    /// The complete ARN.
    pub arn: String,
    /// The name.
    pub name: String,
    /// When it was created (milliseconds since 1970).
    pub created_at_ms: Option<i64>,
    /// Whether rotation is enabled.
    pub rotation_enabled: bool,
    /// When Secrets Manager rotates next (milliseconds since 1970), if it says so.
    pub next_rotation_ms: Option<i64>,
    /// Versions and their staging labels.
    pub versions: Versions,
    /// Tags.
    pub tags: Tags,
}

/// One version and its value.
#[derive(Debug)]
pub struct Version {
    /// The version's id.
    pub id: String,
    /// What it holds.
    pub value: SecretValue,
    /// When it was stored (milliseconds since 1970).
    pub created_at_ms: Option<i64>,
}

/// A secret cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such secret.
    #[error("Secrets Manager does not know the secret")]
    NotFound,
    /// The secret exists, but no version is AWSCURRENT.
    #[error("the secret has no current value yet: store one, then rotate")]
    NoValue,
    /// Somebody has deleted the secret. Secrets Manager keeps it for some days.
    #[error("the secret is scheduled for deletion: `aws secretsmanager restore-secret` cancels this")]
    Deleted,
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The value does not follow the contract.
    #[error("version {version} holds no usable value")]
    Invalid {
        /// The version's id.
        version: String,
        /// What is wrong.
        #[source]
        source: SecretValueError,
    },
    /// A value in `SecretBinary`.
    #[error("version {version} holds binary data instead of a JSON text")]
    Binary {
        /// The version's id.
        version: String,
    },
}

impl SecretStore {
    /// A store on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration) -> Self {
        Self { client: Client::new(config), timeout }
    }

    /// Versions, staging labels, tags and rotation state.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or what AWS answered.
    pub async fn describe(&self, secret: &str) -> Result<Description, StoreError> {
        let answer = self.client.describe_secret().secret_id(secret).send().await.map_err(|error| {
            not_found(AwsError::from_sdk(SERVICE, "DescribeSecret", self.timeout, &error))
        })?;
        let tags = answer.tags.unwrap_or_default();
        Ok(Description {
            arn: answer.arn.unwrap_or_else(|| secret.to_owned()),
            name: answer.name.unwrap_or_else(|| secret.to_owned()),
            created_at_ms: answer.created_date.and_then(|date| date.to_millis().ok()),
            rotation_enabled: answer.rotation_enabled.unwrap_or(false),
            next_rotation_ms: answer.next_rotation_date.and_then(|date| date.to_millis().ok()),
            versions: answer.version_ids_to_stages.unwrap_or_default().into_iter().collect(),
            tags: tags
                .into_iter()
                .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
                .collect(),
        })
    }

    /// The version that is AWSCURRENT.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it breaks the contract.
    pub async fn current(&self, secret: &str) -> Result<Version, StoreError> {
        self.value(secret, None, AWSCURRENT, SecretValue::parse).await?.ok_or(StoreError::NoValue)
    }

    /// The version that is AWSCURRENT, if only its login is needed. Near misses of keys matter only for the value that a
    /// rotation stores. They must not stop a revocation, or all secrets of an admin.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it breaks the contract otherwise.
    pub async fn current_login(&self, secret: &str) -> Result<Version, StoreError> {
        self.value(secret, None, AWSCURRENT, SecretValue::parse_earlier).await?.ok_or(StoreError::NoValue)
    }

    /// The pending value of the rotation `token`. None before createSecret has stored it.
    ///
    /// # Errors
    /// When it cannot be read or breaks the contract.
    pub async fn pending(&self, secret: &str, token: &str) -> Result<Option<Version>, StoreError> {
        self.value(secret, Some(token), AWSPENDING, SecretValue::parse).await
    }

    /// The value of any version, read as strictly as that of AWSCURRENT in a rotation. None if the version has none, or no
    /// longer exists.
    ///
    /// # Errors
    /// When it cannot be read or breaks the contract.
    pub async fn strict_version(&self, secret: &str, version: &str) -> Result<Option<Version>, StoreError> {
        self.value(secret, Some(version), "", SecretValue::parse).await
    }

    /// The value of any version. None if the version has none, or no longer exists. It may be older than the present rules,
    /// but its login counts.
    ///
    /// # Errors
    /// When it cannot be read or breaks the contract.
    pub async fn version(&self, secret: &str, version: &str) -> Result<Option<Version>, StoreError> {
        self.value(secret, Some(version), "", SecretValue::parse_earlier).await
    }

    /// The user of the version that is AWSPREVIOUS. A value that does not follow the contract has none.
    ///
    /// # Errors
    /// When AWS refuses to read it.
    pub async fn previous_user(&self, secret: &str) -> Result<Option<String>, StoreError> {
        match self.value(secret, None, AWSPREVIOUS, SecretValue::parse_earlier).await {
            Ok(previous) => Ok(previous.map(|version| version.value.username().to_owned())),
            Err(StoreError::Invalid { .. } | StoreError::Binary { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The ids of the newest stored versions, also of those without a staging label, the newest first, `limit` at most.
    /// Secrets Manager keeps about 100 versions of a secret, which is one page of this list.
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html>
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn newest_versions(&self, secret: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let answer = self
            .client
            .list_secret_version_ids()
            .secret_id(secret)
            .include_deprecated(true)
            .max_results(VERSIONS_A_PAGE)
            .send()
            .await
            .map_err(|error| {
                not_found(AwsError::from_sdk(SERVICE, "ListSecretVersionIds", self.timeout, &error))
            })?;
        let mut versions = answer.versions.unwrap_or_default();
        versions.sort_by_key(|version| std::cmp::Reverse(version.created_date));
        Ok(versions.into_iter().filter_map(|version| version.version_id).take(limit).collect())
    }

    /// Asks Secrets Manager for something that concerns no secret, to see whether it answers.
    ///
    /// # Errors
    /// What AWS answered, also that the role may not ask.
    pub async fn ask_anything(&self) -> Result<(), AwsError> {
        let sent = self.client.get_random_password().send().await;
        sent.map(drop).map_err(|error| AwsError::from_sdk(SERVICE, "GetRandomPassword", self.timeout, &error))
    }

    /// Adds one tag to a secret.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn tag(&self, secret: &str, key: &str, value: &str) -> Result<(), StoreError> {
        let tag = Tag::builder().key(key).value(value).build();
        let call = self.client.tag_resource().secret_id(secret).tags(tag);
        let tagged = async || {
            let sent = call.clone().send().await;
            sent.map_err(|error| AwsError::from_sdk(SERVICE, "TagResource", self.timeout, &error))
        };
        patiently(tagged, AwsError::is_throttled).await.map_err(not_found)?;
        Ok(())
    }

    /// Stores `value` as the pending version `token`. Repeating it with the same value changes nothing. Returns `false` if
    /// the version already holds another value.
    ///
    /// # Errors
    /// When AWS refuses it.
    pub async fn put_pending(
        &self,
        secret: &str,
        token: &str,
        rotation_token: Option<&RotationToken>,
        json: &str,
    ) -> Result<bool, StoreError> {
        let call = self
            .client
            .put_secret_value()
            .secret_id(secret)
            .client_request_token(token)
            .set_rotation_token(rotation_token.map(|token| token.expose().to_owned()))
            .secret_string(json)
            .version_stages(AWSPENDING);
        let put = async || {
            let sent = call.clone().send().await;
            sent.map_err(|error| AwsError::from_sdk(SERVICE, "PutSecretValue", self.timeout, &error))
        };
        let put = patiently(put, AwsError::is_throttled).await;
        put.map(|_| true).or_else(|error| error.unmet("ResourceExistsException").map_err(not_found))
    }

    /// Moves AWSCURRENT from one version to another. Secrets Manager moves AWSPREVIOUS.
    ///
    /// # Errors
    /// When AWS refuses it, for example because AWSCURRENT is elsewhere by now.
    pub async fn promote(&self, secret: &str, from: &str, to: &str) -> Result<(), StoreError> {
        let call = self
            .client
            .update_secret_version_stage()
            .secret_id(secret)
            .version_stage(AWSCURRENT)
            .remove_from_version_id(from)
            .move_to_version_id(to);
        let promoted = async || {
            let sent = call.clone().send().await;
            sent.map_err(|error| {
                AwsError::from_sdk(SERVICE, "UpdateSecretVersionStage", self.timeout, &error)
            })
        };
        patiently(promoted, AwsError::is_throttled).await.map_err(not_found)?;
        Ok(())
    }

    async fn value(
        &self,
        secret: &str,
        version: Option<&str>,
        stage: &str,
        parse: fn(&str) -> Result<SecretValue, SecretValueError>,
    ) -> Result<Option<Version>, StoreError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(secret)
            .set_version_id(version.map(str::to_owned))
            .set_version_stage(Some(stage.to_owned()).filter(|stage| !stage.is_empty()))
            .send()
            .await;
        let answer = match answer
            .map_err(|error| AwsError::from_sdk(SERVICE, "GetSecretValue", self.timeout, &error))
        {
            Ok(answer) => answer,
            // Before createSecret, the version that has AWSPENDING has no value, and AWS answers like this. If the secret does not
            // exist, AWS's message does not contain the word "value".
            Err(error) if error.is(NOT_FOUND) && (version.is_some() || error.says("secret value")) => {
                return Ok(None);
            }
            Err(error) => return Err(not_found(error)),
        };
        let id = cut(&answer.version_id.unwrap_or_default(), VERSION_ID_BYTES);
        let created_at_ms = answer.created_date.and_then(|date| date.to_millis().ok());
        let Some(json) = answer.secret_string.map(zeroize::Zeroizing::new) else {
            return Err(StoreError::Binary { version: id });
        };
        match parse(&json) {
            Ok(value) => Ok(Some(Version { id, value, created_at_ms })),
            Err(source) => Err(StoreError::Invalid { version: id, source }),
        }
    }
}

fn not_found(error: AwsError) -> StoreError {
    if error.is(NOT_FOUND) {
        StoreError::NotFound
    } else if error.is(WRONG_STATE) && error.says("marked for deletion") {
        StoreError::Deleted
    } else {
        error.into()
    }
}

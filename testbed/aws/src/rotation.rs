//! Rotations of the emulator: options for what AWS does not publish, and records of what a rotation did.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Aws;
use super::control::{answer, client};

/// The additional time for an answer after the emulator's own wait.
const GRACE: Duration = Duration::from_secs(20);

/// What follows a failed attempt of a rotation. AWS documents only that it retries "multiple times".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing.
    None,
    /// The entire rotation again, with the same token.
    SameToken,
    /// The entire rotation again, with a new token. AWSPENDING moves to its version.
    NewToken,
}

/// What happens to AWSPENDING on the version that becomes AWSCURRENT. Both end states occur on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It stays attached beside AWSCURRENT.
    Kept,
    /// The promotion removes it.
    Removed,
}

/// Where an event of a rotation names the secret. Both forms were captured; AWS documents neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventForm {
    /// The two forms in turn.
    Alternating,
    /// `additionalEventData.SecretId`
    AdditionalEventData,
    /// `serviceEventDetails.secretId`
    ServiceEventDetails,
}

/// Hypotheses about what AWS does not publish. An option that is `None` does not change.
#[derive(Debug, Clone, Default)]
pub struct RotationOptions {
    /// What follows a failed attempt.
    pub retry: Option<Retry>,
    /// The number of further attempts.
    pub retries: Option<u32>,
    /// The pause before each further attempt.
    pub retry_delay: Option<Duration>,
    /// What happens to AWSPENDING.
    pub pending_after_promotion: Option<Pending>,
    /// These steps are invoked twice at the same time.
    pub duplicate_steps: Option<Vec<String>>,
    /// After the last attempt, the step that failed first runs again with the token of its attempt.
    pub late_step: Option<bool>,
    /// The number of steps to run.
    pub steps: Option<u32>,
    /// Send a `RotationToken` with each step.
    pub rotation_token: Option<bool>,
    /// Where CloudTrail's events name the secret.
    pub event_form: Option<EventForm>,
    /// Whether the first value of a new secret sends `Secret Label Updated`.
    pub created_event: Option<bool>,
    /// Whether calls that read or change a secret send CloudTrail's events, as with a trail in the account. Set it for the
    /// secret's name, or for a key as the calls name it.
    pub api_events: Option<bool>,
    /// The address from which these events say that a call came.
    pub call_address: Option<String>,
    /// The VPC endpoint through which these events say that a call came.
    pub call_endpoint: Option<String>,
    /// Whether `RotationEnabled` is already true while a first rotation is only tested.
    pub enabled_during_test: Option<bool>,
}

/// The token of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// The token of the previous attempt.
    Same,
    /// A new token.
    New,
}

/// What a rotation did.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The secret.
    pub secret_arn: String,
    /// The version of its first attempt.
    pub version_id: String,
    /// Whether only testSecret ran (`RotateImmediately=false`).
    pub test_only: bool,
    /// `running`, `succeeded`, `failed`, `interrupted`, `abandoned` or `cancelled`.
    pub outcome: String,
    /// Its attempts, one for each token or retry.
    pub attempts: Vec<Attempt>,
}

/// One attempt of a rotation.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its token.
    pub version_id: String,
    /// The invocations, in the order of their start.
    pub steps: Vec<Step>,
}

/// One invocation of the rotation function.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `createSecret` and so on.
    pub step: String,
    /// `running`, `succeeded` or `failed`.
    pub outcome: String,
    /// `regular`, `duplicate` or `late`.
    pub kind: String,
    /// The function's own `errorType`.
    pub error_type: Option<String>,
    /// The function's own `errorMessage`.
    pub error_message: Option<String>,
}

impl Aws {
    /// Changes hypotheses about rotation, for one secret (ARN) or for all secrets without their own options.
    ///
    /// # Errors
    /// When a value is out of its range.
    pub async fn set_rotation_options(
        &self,
        secret_arn: Option<&str>,
        options: &RotationOptions,
    ) -> Result<()> {
        let mut wanted = options.as_json();
        if let (Some(arn), Some(fields)) = (secret_arn, wanted.as_object_mut()) {
            fields.insert("secret".to_owned(), json!(arn));
        }
        self.post("rotation", &wanted).await.map(|_| ())
    }

    /// The current record of a secret's last rotation; `None` if there was none.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn rotation(&self, secret_arn: &str) -> Result<Option<Rotation>> {
        self.rotation_status(secret_arn, None, Duration::ZERO).await
    }

    /// Waits for the end of the rotation with an attempt for this version, or of the last rotation if `None`.
    ///
    /// # Errors
    /// When it does not end in time. The message contains its record.
    pub async fn wait_for_rotation(
        &self,
        secret_arn: &str,
        version_id: Option<&str>,
        limit: Duration,
    ) -> Result<Rotation> {
        let started = Instant::now();
        let found = self.rotation_status(secret_arn, version_id, limit).await?;
        match found {
            Some(rotation) if rotation.outcome != "running" => Ok(rotation),
            Some(rotation) => bail!("the rotation has not ended after {:?}: {rotation:?}", started.elapsed()),
            None => bail!("no rotation of {secret_arn} has started after {:?}", started.elapsed()),
        }
    }

    /// Starts one more attempt of the last rotation, as a retry by Secrets Manager does. Does not wait for its end.
    ///
    /// # Errors
    /// When there is no rotation to resume.
    pub async fn resume_rotation(&self, secret_arn: &str, token: Token) -> Result<()> {
        let token = match token {
            Token::Same => "same",
            Token::New => "new",
        };
        self.post("rotation/resume", &json!({"secret": secret_arn, "token": token})).await.map(|_| ())
    }

    /// Invokes one step with any token, like an abandoned attempt that still writes.
    ///
    /// # Errors
    /// When the secret has no rotation function. A failed function is not an error: see [`Step::outcome`].
    pub async fn invoke_step(&self, secret_arn: &str, version_id: &str, step: &str) -> Result<Step> {
        let answer = self
            .post("rotation/step", &json!({"secret": secret_arn, "version": version_id, "step": step}))
            .await?;
        Ok(serde_json::from_value(answer)?)
    }

    async fn rotation_status(
        &self,
        secret: &str,
        version: Option<&str>,
        wait: Duration,
    ) -> Result<Option<Rotation>> {
        let mut query = vec![("secret", secret.to_owned()), ("wait_ms", wait.as_millis().to_string())];
        query.extend(version.map(|version| ("version", version.to_owned())));
        let url = reqwest::Url::parse_with_params(&format!("{}/_testbed/rotation", self.endpoint), &query)?;
        let mut answer = answer(client()?.get(url).timeout(wait + GRACE)).await?;
        Ok(serde_json::from_value(answer.get_mut("rotation").map(Value::take).unwrap_or_default())?)
    }
}

impl RotationOptions {
    fn as_json(&self) -> Value {
        let retry = self.retry.map(|retry| match retry {
            Retry::None => "none",
            Retry::SameToken => "same-token",
            Retry::NewToken => "new-token",
        });
        let pending = self.pending_after_promotion.map(|pending| match pending {
            Pending::Kept => "kept",
            Pending::Removed => "removed",
        });
        let form = self.event_form.map(|form| match form {
            EventForm::Alternating => "alternating",
            EventForm::AdditionalEventData => "additionalEventData",
            EventForm::ServiceEventDetails => "serviceEventDetails",
        });
        let fields = [
            ("event_form", json!(form)),
            ("created_event", json!(self.created_event)),
            ("api_events", json!(self.api_events)),
            ("call_address", json!(self.call_address)),
            ("call_endpoint", json!(self.call_endpoint)),
            ("retry", json!(retry)),
            ("retries", json!(self.retries)),
            ("retry_delay_ms", json!(self.retry_delay.map(|delay| delay.as_millis()))),
            ("pending_after_promotion", json!(pending)),
            ("duplicate_steps", json!(self.duplicate_steps)),
            ("late_step", json!(self.late_step)),
            ("steps", json!(self.steps)),
            ("rotation_token", json!(self.rotation_token)),
            ("enabled_during_test", json!(self.enabled_during_test)),
        ];
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

//! The four steps of a rotation and the actions of an incident, each in its own file, and what they share.

use contract::{Password, SecretValue, Strategy, Tags};
use lambda_boundary::Backoff;

use crate::Rotation;
use crate::error::RotationError;
use crate::event::{StepEvent, StepName};
use crate::just_seen::Attempt;
use crate::ownership::Mark;
use crate::pair::{self, Pair};
use crate::secret_store::{Description, StoreError, Version};
use crate::subject::Subject;
use crate::version_state::{AWSPREVIOUS, Decision, decide};

pub mod adopt;
pub mod claim;
pub mod create_secret;
pub mod finish_secret;
pub mod look_again;
pub mod nodes;
pub mod outlived;
pub mod pending_login;
pub mod revoke_previous;
pub mod set_secret;
pub mod test_secret;

/// Secrets Manager may not return at once what it has just stored: it is *"eventually consistent"*.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html>
const READ_AGAIN: Backoff = Backoff::every(std::time::Duration::from_millis(500), 4);

/// One call of Secrets Manager.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The clients and the configuration.
    pub rotation: &'a Rotation,
    /// The event.
    pub event: &'a StepEvent,
    /// What the call is about, as far as it is known.
    pub subject: &'a Subject,
}

/// The secret as a step finds it.
#[derive(Debug)]
pub struct Found {
    /// Staging labels and tags.
    pub description: Description,
    /// Whether the event's version is AWSCURRENT already.
    pub already_current: bool,
    /// The current version.
    pub current: Version,
    /// The event's pending version, if it has a value.
    pub pending: Option<Version>,
    /// The two users that the secret is for.
    pub pair: Pair,
    /// The mark that this secret sets on them.
    pub mark: Mark,
    /// The user whose turn it is.
    pub next_user: String,
}

impl Found {
    /// Whether two users take turns.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.current.value.strategy()
    }
}

impl Step<'_> {
    /// Reads the secret with calls at the same time, and runs the preamble before it uses a value.
    ///
    /// # Errors
    /// When the preamble refuses, the secret cannot be read, or its current value breaks the contract.
    pub async fn find(&self) -> Result<Found, RotationError> {
        let secret = &self.event.secret_id;
        let version = &self.event.token;
        let store = &self.rotation.secrets;
        let (description, current, pending) =
            tokio::join!(store.describe(secret), store.current(secret), store.pending(secret, version));
        let description = description.map_err(|source| self.failed_to("describe", source))?;
        let decision = decide(self.event.step, description.rotation_enabled, &description.versions, version);
        if let Decision::Refuse(source) = decision {
            return Err(RotationError::Preamble { secret: secret.clone(), version: version.clone(), source });
        }
        if let Some(tag) = &self.rotation.config.rotation_tag {
            let refused = |source| RotationError::Tag { secret: secret.clone(), source };
            tag.check(&description.tags).map_err(refused)?;
        }
        let already_current = decision == Decision::AlreadyCurrent;
        let pending = match pending {
            Ok(None) if current.is_ok() && !already_current && self.event.step != StepName::CreateSecret => {
                self.pending_again().await
            }
            pending => pending,
        };
        // A test without a new value must be recognized even if the current value makes it fail.
        if self.event.step == StepName::TestSecret && !already_current && matches!(pending, Ok(None)) {
            let _ = self.subject.test_only.set(true);
        }
        let current = current.map_err(|source| self.failed_to("read the current value of", source))?;
        // After the promotion, the version may no longer be AWSPENDING, and nobody needs its pending value.
        let pending = if already_current { None } else { self.readable(pending)? };
        let _ = self.subject.broker.set(current.value.broker().to_string());
        let pair = if already_current {
            Pair::of(current.value.username())
        } else {
            self.pair(&description, &current).await?
        };
        let next_user = pair::next_user(&current.value, &pair).map_err(|source| RotationError::UserName {
            secret: secret.clone(),
            user: current.value.username().to_owned(),
            source,
        })?;
        let _ = self.subject.user.set(next_user.clone());
        let mark = Mark::of(&description.arn);
        Ok(Found { description, already_current, current, pending, pair, mark, next_user })
    }

    /// Reads the pending value again: a read right after createSecret may reach a copy that does not have it yet. If there is
    /// still none, createSecret did not store one for this version.
    async fn pending_again(&self) -> Result<Option<Version>, StoreError> {
        let read = || self.rotation.secrets.pending(&self.event.secret_id, &self.event.token);
        READ_AGAIN.again(Ok(None), async || read().await, |pending| matches!(pending, Ok(None))).await
    }

    /// The pending value, if it may follow the current one.
    ///
    /// # Errors
    /// [`RotationError::PendingMissing`] and [`RotationError::PendingStale`].
    pub fn fitting_pending<'f>(&self, found: &'f Found) -> Result<&'f Version, RotationError> {
        let secret = || self.event.secret_id.clone();
        let pending = found.pending.as_ref().ok_or_else(|| RotationError::PendingMissing {
            secret: secret(),
            version: self.event.token.clone(),
        })?;
        pair::check_pending(&found.current.value, &pending.value, &found.next_user).map_err(|source| {
            RotationError::PendingStale { secret: secret(), version: self.event.token.clone(), source }
        })?;
        Ok(pending)
    }

    /// This attempt to rotate the secret.
    #[must_use]
    pub fn attempt(&self, found: &Found) -> Attempt {
        Attempt {
            secret: found.description.arn.clone(),
            current: found.current.id.clone(),
            pending: self.event.token.clone(),
        }
    }

    /// The pair that the secret is for. Its tag names it, or, without a tag, the users of its versions.
    async fn pair(&self, description: &Description, current: &Version) -> Result<Pair, RotationError> {
        let pin = description.tags.get(Tags::USER);
        let previous = if pin.is_none() && description.versions.with_stage(AWSPREVIOUS).is_some() {
            let previous = self.rotation.secrets.previous_user(&self.event.secret_id).await;
            previous.map_err(|source| self.failed_to("read the previous value of", source))?
        } else {
            None
        };
        Pair::of_secret(pin, current.value.username(), previous.as_deref()).map_err(|source| {
            let _ = self.subject.user.set(current.value.username().to_owned());
            RotationError::PairTaken { secret: self.event.secret_id.clone(), source }
        })
    }

    /// The current value with other credentials, for the user whose turn it is.
    ///
    /// # Errors
    /// `secret.invalid` when a key repeats the credentials and cannot be renewed with certainty.
    pub fn renewed(&self, found: &Found, password: Password) -> Result<SecretValue, RotationError> {
        let Version { id, value, .. } = &found.current;
        value.with_credentials(&found.pair.users(), found.next_user.clone(), password).map_err(|source| {
            let source = StoreError::Invalid { version: id.clone(), source };
            self.failed_to("renew the credentials in", source)
        })
    }

    /// An error about the rotated secret.
    #[must_use]
    pub fn failed_to(&self, what: &'static str, source: StoreError) -> RotationError {
        RotationError::Secret { what, secret: self.event.secret_id.clone(), source }
    }

    fn readable(
        &self,
        pending: Result<Option<Version>, StoreError>,
    ) -> Result<Option<Version>, RotationError> {
        pending.map_err(|source| match source {
            StoreError::Invalid { .. } | StoreError::Binary { .. } => {
                RotationError::PendingUnreadable { secret: self.event.secret_id.clone(), source }
            }
            other => self.failed_to("read the pending value of", other),
        })
    }
}

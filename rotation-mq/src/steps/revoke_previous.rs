//! `revokePrevious`: revokes the leaked credentials of an old version.

use contract::Tags;
use rand::rngs::ThreadRng;
use serde::Serialize;
use tokio::time::Instant;

use crate::Rotation;
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::event::RevokePreviousEvent;
use crate::grants::Grants;
use crate::management_api::ManagementApi;
use crate::ownership::Mark;
use crate::secret_store::{Description, StoreError, Version};
use crate::stale_connections::Closing;
use crate::subject::Subject;
use crate::{pair::Pair, password};

mod cut_off;
pub mod plan;
mod refusals;
mod taken;

pub use cut_off::REFUSALS;
use cut_off::{Progress, close_once, cut_off};
use plan::{Plan, plan};
use refusals::{refuse_while_staged, refused};

/// Time kept back from the proof, for a last look whether a rotation has taken the user.
const RESERVE: std::time::Duration = std::time::Duration::from_secs(5);

/// What was revoked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    /// The broker user.
    pub user: String,
    /// How many of its connections were closed.
    pub closed_connections: usize,
    /// Connections that the broker still lists. It lists one for up to 30 s if its client does not answer.
    pub still_listed: Vec<String>,
    /// Who asked, as they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, as they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the revocation read before its first write.
struct Revocation<'a> {
    rotation: &'a Rotation,
    event: &'a RevokePreviousEvent,
    description: Description,
    current: Version,
    leaked: Version,
    access: BrokerAccess<'a>,
    mark: Mark,
}

/// Makes the credentials of an old version useless: a random password nobody knows, then its connections are closed. With
/// `single`, the rotation has replaced the password already, so only connections go. It is done when the broker refuses
/// the leaked login and nobody new is connected; an authentication cache is waited for until `deadline`.
///
/// It changes only a user of the secret's own pair. The user must have the secret's mark, or a login must prove that the
/// secret knows its password. It is safe to repeat, also while a rotation runs: it looks again after the write. If a
/// staging label has taken the user meanwhile, the user gets that version's password, unless that is the leaked one.
///
/// # Errors
/// `revoke.refused` while the version or its user is in use, is not this secret's, or the cluster may still log in with
/// it; `revoke.raced` when a staging label took the user meanwhile; `revoke.still_works` when the proof did not come in time.
pub async fn revoke_previous(
    rotation: &Rotation,
    event: &RevokePreviousEvent,
    subject: &Subject,
    deadline: Instant,
) -> Result<Revoked, RotationError> {
    let secret = &event.secret_id;
    let failed_to_read =
        |source: StoreError| RotationError::Secret { what: "read", secret: secret.clone(), source };
    let store = &rotation.secrets;
    let (description, current, leaked) = tokio::join!(
        store.describe(secret),
        store.current_login(secret),
        store.version(secret, &event.version_id)
    );
    let description = description.map_err(failed_to_read)?;
    refuse_while_staged(event, &description)?;
    let (current, leaked) = (current.map_err(failed_to_read)?, leaked.map_err(failed_to_read)?);
    let leaked = leaked.ok_or_else(|| refused(event, "it no longer holds a value"))?;
    let _ = subject.user.set(leaked.value.username().to_owned());
    let _ = subject.broker.set(current.value.broker().to_string());
    let pair = pair_of(&description, &current)?;
    let plan = plan(&current.value, &leaked.value, &pair).map_err(|reason| refused(event, &reason))?;
    let access = BrokerAccess::open(rotation.lookup(), &description.arn, &current.value).await?;
    let mark = Mark::of(&description.arn);
    let revocation = Revocation { rotation, event, description, current, leaked, access, mark };
    revocation.run(plan, deadline).await
}

impl Revocation<'_> {
    async fn run(&self, plan: Plan, deadline: Instant) -> Result<Revoked, RotationError> {
        let user = self.user();
        if plan == Plan::Scramble {
            self.refuse_while_in_use().await?;
        }
        self.access.refuse_to_reset_the_admin(&self.current.value, user)?;
        let grants =
            self.admin().grants(user).await.map_err(RotationError::broker("read the grants of", user))?;
        // A user that does not exist needs no other password.
        if let Some(grants) = &grants {
            self.refuse_unless_ours(grants).await?;
            if plan == Plan::Scramble {
                self.scramble(grants).await?;
            }
        }
        let is_still_ours = async || match plan {
            Plan::Scramble => self.refuse_if_taken().await,
            Plan::CloseOnly => Ok(()),
        };
        let mut closing = Closing::of(self.admin(), user);
        let mut progress = Progress::default();
        let (access, leaked) = (&self.access, &self.leaked.value);
        let proof = async {
            match plan {
                Plan::Scramble => {
                    cut_off(self.rotation, access, leaked, &mut closing, &mut progress, &is_still_ours).await
                }
                Plan::CloseOnly => {
                    close_once(self.rotation, access, leaked, &mut closing, &mut progress).await
                }
            }
        };
        match tokio::time::timeout_at(deadline.checked_sub(RESERVE).unwrap_or(deadline), proof).await {
            Ok(proved) => proved?,
            Err(_) => {
                is_still_ours().await?;
                return Err(RotationError::RevokeStillWorks {
                    user: user.to_owned(),
                    reason: progress.reason(),
                });
            }
        }
        tracing::warn!(
            broker.user = user,
            "revoked version {}: the broker refuses the login of user `{user}`, {} connections closed, still listed: {}",
            self.event.version_id,
            closing.closed(),
            closing.still_listed()
        );
        Ok(Revoked {
            user: user.to_owned(),
            closed_connections: closing.closed(),
            still_listed: closing.names_still_listed(),
            by: self.event.by.clone(),
            reason: self.event.reason.clone(),
        })
    }

    fn user(&self) -> &str {
        self.leaked.value.username()
    }

    fn admin(&self) -> ManagementApi<'_> {
        self.access.as_admin(&self.current.value)
    }

    /// A random password that is forgotten at once.
    async fn scramble(&self, grants: &Grants) -> Result<(), RotationError> {
        let random = &mut ThreadRng::default();
        let hash = password::hash(&password::generate(64, random), random);
        self.admin()
            .put_user(self.user(), &grants.tags, &self.mark, &hash)
            .await
            .map_err(RotationError::broker("scramble the password of", self.user()))
    }

    async fn value_of(&self, version: &str) -> Result<Option<Version>, RotationError> {
        match self.rotation.secrets.version(&self.event.secret_id, version).await {
            // Nobody can log in with a value that cannot be read.
            Err(StoreError::Invalid { .. } | StoreError::Binary { .. }) => Ok(None),
            other => other.map_err(|source| RotationError::Secret {
                what: "read again",
                secret: self.event.secret_id.clone(),
                source,
            }),
        }
    }
}

/// The pair that the tag `rotation-mq/user` names, or that of AWSCURRENT's user.
fn pair_of(description: &Description, current: &Version) -> Result<Pair, RotationError> {
    match description.tags.get(Tags::USER) {
        Some(base) => Ok(Pair::of(base)),
        None => Pair::of_secret(None, current.value.username(), None)
            .map_err(|source| RotationError::PairTaken { secret: description.arn.clone(), source }),
    }
}

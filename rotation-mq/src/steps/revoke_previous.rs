//! `revokePrevious`: cuts the leaked credentials of an old version off.

use contract::Strategy;
use rand::rngs::ThreadRng;
use serde::Serialize;

use super::look_again::restore_if_in_use;
use crate::Rotation;
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::event::RevokePreviousEvent;
use crate::management_api::ManagementApi;
use crate::ownership::Mark;
use crate::secret_store::{Description, StoreError, Version};
use crate::subject::Subject;
use crate::version_state::{AWSCURRENT, AWSPENDING, Refusal};
use crate::{password, stale_connections};

/// What was cut off.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    /// The broker user.
    pub user: String,
    /// How many of its connections were closed.
    pub closed_connections: usize,
    /// Who asked, as they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, as they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Makes the credentials of an old version useless: a random password nobody knows, then its connections
/// are closed. With `single`, the rotation has replaced the password already, so only connections go.
///
/// Safe to repeat, and against a rotation at the same time: it looks again after the last write and gives
/// a user that was handed out meanwhile its password back.
///
/// # Errors
/// `revoke.refused` while the version or its user is in use or the cluster may still log in with it,
/// `revoke.raced` when a rotation took the user meanwhile.
pub async fn revoke_previous(
    rotation: &Rotation,
    event: &RevokePreviousEvent,
    subject: &Subject,
) -> Result<Revoked, RotationError> {
    let secret = &event.secret_id;
    let store_error =
        |source: StoreError| RotationError::Secret { what: "read", secret: secret.clone(), source };
    let store = &rotation.secrets;
    let (description, current, leaked) =
        tokio::join!(store.describe(secret), store.current(secret), store.version(secret, &event.version_id));
    let description = description.map_err(store_error)?;
    refuse_while_staged(event, &description)?;
    let (current, leaked) = (current.map_err(store_error)?, leaked.map_err(store_error)?);
    let leaked = leaked.ok_or_else(|| refused(event, "it holds no value any more"))?;
    let user = leaked.value.username();
    let _ = subject.user.set(user.to_owned());
    let _ = subject.broker.set(current.value.broker().to_string());
    if leaked.value.broker() != current.value.broker() {
        return Err(refused(event, "it is for another broker than the current version"));
    }
    if current.value.strategy() == Strategy::Alternating {
        refuse_while_in_use(rotation, event, &description, &current, user).await?;
    }
    let access = BrokerAccess::open(rotation, &description.arn, &current.value).await?;
    access.refuse_to_reset_the_admin(&current.value, user)?;
    let admin = access.as_admin(rotation, &current.value);
    if current.value.strategy() == Strategy::Alternating {
        scramble(admin, user, &Mark::of(&description.arn)).await?;
    }
    let closed_connections = stale_connections::close_all(admin, user).await?.closed();
    if current.value.strategy() == Strategy::Alternating {
        let now = store.describe(secret).await.map_err(store_error)?;
        if let Some(stage) = restore_if_in_use(rotation, admin, secret, &now, user).await? {
            return Err(RotationError::RevokeRaced { user: user.to_owned(), stage });
        }
    }
    tracing::warn!(
        broker.user = user,
        "revoked version {}: user `{user}` is cut off, {closed_connections} connections closed",
        event.version_id
    );
    Ok(Revoked {
        user: user.to_owned(),
        closed_connections,
        by: event.by.clone(),
        reason: event.reason.clone(),
    })
}

fn refuse_while_staged(event: &RevokePreviousEvent, description: &Description) -> Result<(), RotationError> {
    let versions = &description.versions;
    let version = event.version_id.as_str();
    if !versions.knows(version) {
        let (secret, version) = (event.secret_id.clone(), version.to_owned());
        return Err(RotationError::Preamble { secret, version, source: Refusal::UnknownVersion });
    }
    if versions.with_stage(AWSCURRENT) == Some(version) {
        return Err(refused(event, "it is AWSCURRENT; rotate the secret first"));
    }
    if versions.with_stage(AWSPENDING) == Some(version) {
        return Err(refused(event, "it is AWSPENDING; finish the rotation, or take AWSPENDING off, first"));
    }
    Ok(())
}

/// A pending version of the other user does not block a revocation.
async fn refuse_while_in_use(
    rotation: &Rotation,
    event: &RevokePreviousEvent,
    description: &Description,
    current: &Version,
    user: &str,
) -> Result<(), RotationError> {
    if current.value.username() == user {
        return Err(refused(event, "its user is the one of AWSCURRENT; rotate the secret first"));
    }
    let pending = description.versions.with_stage(AWSPENDING).filter(|id| *id != current.id);
    if let Some(id) = pending {
        let pending =
            rotation.secrets.version(&event.secret_id, id).await.map_err(|source| RotationError::Secret {
                what: "read the pending value of",
                secret: event.secret_id.clone(),
                source,
            })?;
        if pending.is_some_and(|pending| pending.value.username() == user) {
            return Err(refused(event, "a rotation has given its user to AWSPENDING; let it finish first"));
        }
    }
    let tags = &description.tags;
    if !event.force && tags.is_routed() && tags.delivered() != Some(current.id.as_str()) {
        let reason = "the cluster is not known to hold the current version (tag `secret2eks/delivered`), so production \
                      may still log in with it; deliver first, or send \"force\":true to cut production off";
        return Err(refused(event, reason));
    }
    Ok(())
}

/// A random password that is forgotten at once. A user that is gone needs none.
async fn scramble(admin: ManagementApi<'_>, user: &str, mark: &Mark) -> Result<(), RotationError> {
    let grants = admin.grants(user).await.map_err(RotationError::broker("read the grants of", user))?;
    let Some(grants) = grants else { return Ok(()) };
    let random = &mut ThreadRng::default();
    let hash = password::hash(&password::generate(64, random), random);
    admin
        .put_user(user, &grants.tags, mark, &hash)
        .await
        .map_err(RotationError::broker("scramble the password of", user))
}

fn refused(event: &RevokePreviousEvent, reason: &str) -> RotationError {
    RotationError::RevokeRefused { version: event.version_id.clone(), reason: reason.to_owned() }
}

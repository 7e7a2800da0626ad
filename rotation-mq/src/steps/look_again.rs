//! Checks after a password was written that this was still right. A late call of an abandoned rotation, or a rotation that
//! started during a revocation, can have reset a user that is in use.

use rand::rngs::ThreadRng;

use super::{Found, Step};
use crate::Rotation;
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::management_api::ManagementApi;
use crate::ownership::Mark;
use crate::password;
use crate::secret_store::{Description, StoreError, Version};
use crate::version_state::IN_USE;

/// Looks again after setSecret has written a password. If the version was abandoned meanwhile, the user may belong to
/// another version by now. Then it gets that version's password.
///
/// # Errors
/// [`RotationError::Raced`] if a password was restored, [`RotationError::Abandoned`] if not.
pub async fn after_set(
    step: Step<'_>,
    access: &BrokerAccess<'_>,
    found: &Found,
    pending: &Version,
) -> Result<(), RotationError> {
    let secret = &step.event.secret_id;
    let token = step.event.token.as_str();
    let description =
        step.rotation.secrets.describe(secret).await.map_err(|source| step.failed_to("describe", source))?;
    if description.versions.stands(token) {
        return Ok(());
    }
    // An administrator that has just changed its own password acts with the new one.
    let acting = match found.strategy() {
        contract::Strategy::Alternating => &found.current.value,
        contract::Strategy::Single => &pending.value,
    };
    let admin = access.as_admin(acting);
    let user = pending.value.username();
    match restore_if_in_use(step.rotation, admin, secret, &description, user).await? {
        Some(stage) => Err(RotationError::Raced { user: user.to_owned(), stage }),
        None => Err(RotationError::Abandoned { secret: secret.clone(), version: token.to_owned() }),
    }
}

/// Gives `user` the password that AWSCURRENT or AWSPENDING has for it, and returns which of them. None if neither is for
/// this user.
///
/// # Errors
/// When a version cannot be read or the broker refuses.
pub async fn restore_if_in_use(
    rotation: &Rotation,
    admin: ManagementApi<'_>,
    secret: &str,
    description: &Description,
    user: &str,
) -> Result<Option<&'static str>, RotationError> {
    let unreadable =
        |source: StoreError| RotationError::Secret { what: "read again", secret: secret.to_owned(), source };
    for stage in IN_USE {
        let Some(id) = description.versions.with_stage(stage) else {
            continue;
        };
        let Some(version) = rotation.secrets.version(secret, id).await.map_err(unreadable)? else {
            continue;
        };
        if version.value.username() == user {
            let broker = RotationError::broker("restore the password of", user);
            let tags = admin.grants(user).await.map_err(&broker)?.unwrap_or_default().tags;
            let hash = password::hash(version.value.password(), &mut ThreadRng::default());
            let mark = Mark::of(&description.arn);
            admin.put_user(user, &tags, &mark, &hash).await.map_err(&broker)?;
            return Ok(Some(stage));
        }
    }
    Ok(None)
}

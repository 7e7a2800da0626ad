//! Checks after a password was written that this was still right. A late call of an abandoned rotation, or a rotation that
//! started during a revocation, can have reset a user that is in use.

use contract::SecretValue;
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

/// The number of looks after a write. Each one after the first follows a restored password: the staging labels must have
/// moved once more within a few calls. The last restored password is not looked at.
pub const LOOKS: usize = 3;

/// Looks again after setSecret has written a password. If the version was abandoned meanwhile, the user may belong to
/// another version by now. Then it gets that version's password. The labels may move while that is written, so they are
/// looked at again afterwards, [`LOOKS`] times in total.
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
    // An administrator that has just changed its own password acts with the new one.
    let acting = match found.strategy() {
        contract::Strategy::Alternating => &found.current.value,
        contract::Strategy::Single => &pending.value,
    };
    let user = pending.value.username();
    let mut restored: Option<InUse> = None;
    for _ in 0..LOOKS {
        let description = step
            .rotation
            .secrets
            .describe(secret)
            .await
            .map_err(|source| step.failed_to("describe", source))?;
        if restored.is_none() && description.versions.stands(token, &found.current.id) {
            return Ok(());
        }
        let in_use = in_use(step.rotation, secret, &description, user).await?;
        let Some(in_use) = in_use.filter(|now| restored.as_ref().is_none_or(|then| then.id != now.id)) else {
            break;
        };
        restore(access.as_admin(acting), &description, &in_use).await?;
        restored = Some(in_use);
    }
    match restored {
        Some(InUse { stage, .. }) => Err(RotationError::Raced { user: user.to_owned(), stage }),
        None => Err(RotationError::Abandoned { secret: secret.clone(), version: token.to_owned() }),
    }
}

/// A version that is in use, and its staging label.
struct InUse {
    stage: &'static str,
    id: String,
    value: SecretValue,
}

/// The version of AWSCURRENT or AWSPENDING that is for `user`.
async fn in_use(
    rotation: &Rotation,
    secret: &str,
    description: &Description,
    user: &str,
) -> Result<Option<InUse>, RotationError> {
    let unreadable =
        |source: StoreError| RotationError::Secret { what: "read again", secret: secret.to_owned(), source };
    for stage in IN_USE {
        let Some(id) = description.versions.with_stage(stage) else {
            continue;
        };
        let version = rotation.secrets.version(secret, id).await.map_err(unreadable)?;
        if let Some(Version { id, value, .. }) = version.filter(|version| version.value.username() == user) {
            return Ok(Some(InUse { stage, id, value }));
        }
    }
    Ok(None)
}

/// Gives a user the password of a version.
async fn restore(
    admin: ManagementApi<'_>,
    description: &Description,
    in_use: &InUse,
) -> Result<(), RotationError> {
    let user = in_use.value.username();
    let broker = RotationError::broker("restore the password of", user);
    let tags = admin.grants(user).await.map_err(&broker)?.unwrap_or_default().tags;
    let hash = password::hash(in_use.value.password(), &mut ThreadRng::default());
    admin.put_user(user, &tags, &Mark::of(&description.arn), &hash).await.map_err(&broker)
}

//! `setSecret`: the broker user whose turn it is gets the pending password and the grants of the current
//! user.

use contract::Strategy;
use rand::rngs::ThreadRng;

use super::{Found, Step, claim, look_again, nodes};
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::grants::Grants;
use crate::management_api::ManagementApi;
use crate::ownership::PairOnBroker;
use crate::password;
use crate::secret_store::Version;

mod alternate;

use alternate::alternate;

/// Sets the pending credentials on the broker.
///
/// Safe to repeat: the password is set only if the pending login does not work yet, and each call plans the grants from
/// the present ones. So a repeated call finishes what an interrupted one left. Every check comes before the first write.
///
/// # Errors
/// Says what the broker, the secret or the admin secret lacks. Nothing was changed then.
pub async fn set_secret(step: Step<'_>) -> Result<(), RotationError> {
    let found = step.find().await?;
    if found.already_current {
        tracing::info!("the version is current already: nothing to set");
        return Ok(());
    }
    let pending = step.fitting_pending(&found)?;
    let access =
        BrokerAccess::open(step.rotation.lookup(), &found.description.arn, &found.current.value).await?;
    access.refuse_to_reset_the_admin(&found.current.value, pending.value.username())?;
    let wrote_password = match found.strategy() {
        Strategy::Alternating => alternate(step, &found, pending, &access).await?,
        Strategy::Single => change_in_place(step, &found, pending, &access).await?,
    };
    if wrote_password {
        look_again::after_set(step, &access, &found, pending).await?;
    }
    Ok(())
}

/// Sets the pending password of the only user: by its admin, or by itself if it is an administrator.
async fn change_in_place(
    step: Step<'_>,
    found: &Found,
    pending: &Version,
    access: &BrokerAccess<'_>,
) -> Result<bool, RotationError> {
    let current = &found.current.value;
    let user = current.username();
    let log_in = async || {
        let current = access.as_user(current).login_is_accepted().await;
        (current, access.as_user(&pending.value).login_is_accepted().await)
    };
    let (current_login, pending_login) =
        nodes::agree(log_in, |logins| matches!(logins, (Ok(false), Ok(false)))).await;
    let works_already = pending_login.map_err(RotationError::broker("check the login of", user))?;
    let current_works = current_login.map_err(RotationError::broker("check the login of", user))?;
    // Once the pending password is set, an administrator without an admin secret acts with that.
    let acting = if works_already && access.is_own_admin() { &pending.value } else { current };
    let admin = access.as_admin(acting);
    if !works_already && !current_works {
        return Err(if access.is_own_admin() || user_exists(admin, user).await? {
            RotationError::CurrentLoginRefused {
                user: user.to_owned(),
                blemish: current.password().blemish(),
            }
        } else {
            RotationError::CurrentUserMissing { user: user.to_owned() }
        });
    }
    let grants = admin
        .grants(user)
        .await
        .map_err(RotationError::broker("read the grants of", user))?
        .ok_or_else(|| RotationError::CurrentUserMissing { user: user.to_owned() })?;
    let tags = &grants.tags;
    let pair = PairOnBroker { active: user, active_tags: tags, next: user, next_tags: Some(tags) };
    claim::refuse_what_is_not_ours(step, found, access, pair, works_already).await?;
    check_vhost(admin, user, &grants, current.vhost()).await?;
    claim::pin(step, found).await;
    if works_already {
        tracing::info!(broker.user = user, "user `{user}`: password was set already");
        return Ok(false);
    }
    let hash = password::hash(pending.value.password(), &mut ThreadRng::default());
    admin
        .put_user(user, tags, &found.mark, &hash)
        .await
        .map_err(RotationError::broker("set the password of", user))?;
    tracing::info!(broker.user = user, "user `{user}`: password set");
    Ok(true)
}

async fn user_exists(admin: ManagementApi<'_>, user: &str) -> Result<bool, RotationError> {
    let grants = admin.grants(user).await.map_err(RotationError::broker("read the grants of", user))?;
    Ok(grants.is_some())
}

/// The application must be able to open the vhost of its secret. A permission proves that the vhost exists.
async fn check_vhost(
    admin: ManagementApi<'_>,
    user: &str,
    grants: &Grants,
    vhost: &str,
) -> Result<(), RotationError> {
    if grants.permissions.contains_key(vhost) {
        return Ok(());
    }
    let exists =
        admin.vhost_exists(vhost).await.map_err(RotationError::broker("look up the vhost of", user))?;
    Err(if exists {
        RotationError::VhostNotPermitted { user: user.to_owned(), vhost: vhost.to_owned() }
    } else {
        RotationError::VhostMissing { vhost: vhost.to_owned() }
    })
}

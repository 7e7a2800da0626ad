//! `setSecret`: the broker user whose turn it is gets the pending password and the grants of the current
//! user.

use contract::{DeliveryRequest, Strategy};
use rand::rngs::ThreadRng;

use super::{Found, Step, claim, look_again, nodes, outlived};
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::grants::{Change, Grants, PROTECTED_TAG, bound_to_user_name, plan};
use crate::management_api::{ApiError, ManagementApi};
use crate::ownership::PairOnBroker;
use crate::secret_store::Version;
use crate::{password, stale_connections};

/// Sets the pending credentials on the broker.
///
/// Safe to repeat: the password is only set when the pending login does not work yet, and the grants are
/// planned from what is there every time, so a repeated call finishes what an interrupted one left.
/// Everything that could refuse is asked before the first write.
///
/// # Errors
/// Says what the broker, the secret or the admin secret lacks; nothing was changed then.
pub async fn set_secret(step: Step<'_>) -> Result<(), RotationError> {
    let found = step.find().await?;
    if found.already_current {
        tracing::info!("the version is current already: nothing to set");
        return Ok(());
    }
    let pending = step.fitting_pending(&found)?;
    let access = BrokerAccess::open(step.rotation, &found.description.arn, &found.current.value).await?;
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

/// The other user of the pair gets the pending password and the grants of the active user.
async fn alternate(
    step: Step<'_>,
    found: &Found,
    pending: &Version,
    access: &BrokerAccess,
) -> Result<bool, RotationError> {
    let current = &found.current.value;
    let (active, inactive) = (current.username(), pending.value.username());
    let admin = access.as_admin(step.rotation, current);
    let log_in = || access.as_user(step.rotation, current).login_is_accepted();
    let (active_grants, inactive_grants, current_login, pending_login) = tokio::join!(
        nodes::agree(async || admin.grants(active).await, |found| matches!(found, Ok(None))),
        admin.grants(inactive),
        nodes::agree(async || log_in().await, |accepted| matches!(accepted, Ok(false))),
        access.as_user(step.rotation, &pending.value).login_is_accepted(),
    );
    let active_grants = active_grants
        .map_err(RotationError::broker("read the grants of", active))?
        .ok_or_else(|| RotationError::CurrentUserMissing { user: active.to_owned() })?;
    let inactive_grants = inactive_grants.map_err(RotationError::broker("read the grants of", inactive))?;
    if !current_login.map_err(RotationError::broker("check the login of", active))? {
        return Err(RotationError::CurrentLoginRefused {
            user: active.to_owned(),
            blemish: current.password().blemish(),
        });
    }
    let works_already = pending_login.map_err(RotationError::broker("check the login of", inactive))?;
    let pair = PairOnBroker {
        active,
        active_tags: &active_grants.tags,
        next: inactive,
        next_tags: inactive_grants.as_ref().map(|grants| &grants.tags),
    };
    claim::refuse_what_is_not_ours(step, found, access, pair, works_already).await?;
    check_vhost(admin, active, &active_grants, current.vhost()).await?;
    if inactive_grants.is_some() && !works_already {
        refuse_while_undelivered(step, found, inactive).await?;
        let policy = step.rotation.config.stale_connections;
        let connected = stale_connections::before_reset(admin, inactive, policy).await?;
        outlived::note(step, found, inactive, &connected).await;
    }
    for (vhost, exchange) in bound_to_user_name(&active_grants) {
        tracing::warn!(
            broker.user = active,
            "the topic permission of `{active}` on exchange `{exchange}` in vhost `{vhost}` contains {{username}}, \
             which means another name for `{inactive}`"
        );
    }
    let exists = inactive_grants.is_some();
    let inactive_grants = inactive_grants.unwrap_or_default();
    let changes = plan(&active_grants, &inactive_grants);
    for change in &changes {
        if let Some(error) = admin.unnameable(change) {
            return Err(RotationError::broker(&format!("{change} for"), inactive)(error));
        }
    }
    claim::pin(step, found).await;
    // Whoever reads AWSPENDING knows the password as soon as it is set: by then the user must not be allowed
    // more than the active one. A user that does not exist yet is allowed nothing.
    let (first, last): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|change| exists && !works_already && !change.is_addition());
    for change in first {
        apply(admin, active, inactive, change, false).await?;
    }
    let tags = changes.iter().find_map(|change| match change {
        Change::SetTags(tags) => Some(tags),
        _ => None,
    });
    let wrote_password = !works_already || tags.is_some() || !found.mark.is_in(&inactive_grants.tags);
    if wrote_password {
        // Without a change of tags both users have the same ones, but for `protected`.
        let kept = &inactive_grants.tags;
        let hash = password::hash(pending.value.password(), &mut ThreadRng::default());
        let what = if kept.contains(PROTECTED_TAG) {
            "set the password of the protected"
        } else {
            "set the password of"
        };
        admin
            .put_user(inactive, tags.unwrap_or(kept), &found.mark, &hash)
            .await
            .map_err(RotationError::broker(what, inactive))?;
    }
    if exists {
        stale_connections::after_reset(admin, inactive, step.rotation.config.stale_connections).await?;
    }
    for change in last {
        apply(admin, active, inactive, change, wrote_password).await?;
    }
    tracing::info!(
        broker.user = inactive,
        "user `{inactive}`: password {}, {} changes of grants",
        if works_already { "was set already" } else { "set" },
        changes.len(),
    );
    Ok(wrote_password)
}

/// A load balancer may lead to a node that does not know yet a user that `was_just_written`.
async fn apply(
    admin: ManagementApi<'_>,
    active: &str,
    inactive: &str,
    change: &Change,
    was_just_written: bool,
) -> Result<(), RotationError> {
    let may_lag = |applied: &Result<(), ApiError>| {
        was_just_written && applied.as_ref().is_err_and(ApiError::may_be_a_lagging_node)
    };
    let applied = nodes::agree(async || admin.apply(inactive, change).await, may_lag).await;
    applied.map_err(RotationError::broker(&format!("{change} for"), inactive))?;
    if change.is_removal() {
        tracing::warn!(broker.user = inactive, "`{active}` does not have it, so for `{inactive}`: {change}");
    } else {
        tracing::info!(broker.user = inactive, "as `{active}` has it, for `{inactive}`: {change}");
    }
    Ok(())
}

/// The one user gets the pending password: by its admin, or by itself when it is an administrator.
async fn change_in_place(
    step: Step<'_>,
    found: &Found,
    pending: &Version,
    access: &BrokerAccess,
) -> Result<bool, RotationError> {
    let current = &found.current.value;
    let user = current.username();
    let log_in = async || {
        tokio::join!(
            access.as_user(step.rotation, current).login_is_accepted(),
            access.as_user(step.rotation, &pending.value).login_is_accepted(),
        )
    };
    let (current_login, pending_login) =
        nodes::agree(log_in, |logins| matches!(logins, (Ok(false), Ok(false)))).await;
    let works_already = pending_login.map_err(RotationError::broker("check the login of", user))?;
    let current_works = current_login.map_err(RotationError::broker("check the login of", user))?;
    // Once the pending password is set, an administrator without an admin secret acts with that.
    let acting = if works_already && access.is_own_admin() { &pending.value } else { current };
    let admin = access.as_admin(step.rotation, acting);
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

/// The application must be able to open the vhost of its secret. A permission proves that the vhost is there.
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

/// While the cluster is not known to hold the current version, production may still log in as the user
/// that is about to be reset. The refusal asks for delivery once more, so that a retry can succeed.
async fn refuse_while_undelivered(step: Step<'_>, found: &Found, user: &str) -> Result<(), RotationError> {
    let tags = &found.description.tags;
    if !tags.is_routed() || tags.delivered() == Some(found.current.id.as_str()) {
        return Ok(());
    }
    let request = DeliveryRequest {
        secret_arn: found.description.arn.clone(),
        version_id: found.current.id.clone(),
        attempt: 1,
        promoted_at: None,
    };
    if let Err(error) = step.rotation.delivery.request(&request).await {
        tracing::warn!(error = %error, "secret2eks could not be asked to deliver the current version");
    }
    Err(RotationError::Undelivered { user: user.to_owned(), current: found.current.id.clone() })
}

//! `testSecret`: a real login over AMQPS as the pending user, and equal grants.

use contract::{Kind, Strategy};
use rand::rngs::ThreadRng;

use super::{Found, Step, claim, nodes, pending_login};
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};
use crate::grants::{ADMINISTRATOR_TAG, Grants, Plan, plan};
use crate::management_api::ApiError;
use crate::ownership::PairOnBroker;
use crate::secret_store::Version;
use crate::version_state::AWSPENDING;
use crate::{pair, password};

const READ: &str = "read the grants of";

/// Tests the pending credentials. It changes nothing, so it can be repeated at any time.
///
/// For `RotateImmediately=false`, Secrets Manager runs only this step, on a temporary version without a value or with a
/// copy of the current one. Then the current user and the admin are tested instead.
///
/// # Errors
/// What the broker refuses, or how the grants differ.
pub async fn test_secret(step: Step<'_>) -> Result<(), RotationError> {
    let found = step.find().await?;
    let has_nothing_new = found
        .pending
        .as_ref()
        .is_none_or(|pending| pair::same_credentials(&pending.value, &found.current.value));
    let is_pending = found.description.versions.with_stage(AWSPENDING) == Some(step.event.token.as_str());
    let _ = step.subject.test_only.set(has_nothing_new && is_pending);
    if has_nothing_new {
        // If createSecret would refuse the value, the test reports it before the first rotation.
        let length = step.rotation.config.password_length;
        step.renewed(&found, password::generate(length, &mut ThreadRng::default()))?;
    }
    let access =
        BrokerAccess::open(step.rotation.lookup(), &found.description.arn, &found.current.value).await?;
    if has_nothing_new {
        test_current(step, &found, &access).await
    } else {
        test_pending(step, &found, step.fitting_pending(&found)?, &access).await
    }
}

async fn test_pending(
    step: Step<'_>,
    found: &Found,
    pending: &Version,
    access: &BrokerAccess<'_>,
) -> Result<(), RotationError> {
    let value = &pending.value;
    let user = value.username();
    let login = pending_login::log_in(step, found, pending, &access.endpoints);
    if found.strategy() == Strategy::Single {
        login.await?;
        if access.is_own_admin() {
            confirm_administrator(access, value).await?;
        }
        tracing::info!(broker.user = user, "user `{user}` logs in over AMQPS");
        return Ok(());
    }
    // The login counts more, so its error is reported first.
    let (login, active) = tokio::join!(login, equal_grants(step, found, user, access));
    login?;
    let active = active?;
    if active.tags.contains(ADMINISTRATOR_TAG) {
        confirm_administrator(access, value).await?;
    }
    let current = found.current.value.username();
    tracing::info!(broker.user = user, "user `{user}` logs in over AMQPS with the grants of `{current}`");
    Ok(())
}

/// The grants of the active user, which must equal those of the user whose turn it is.
///
/// # Errors
/// How they differ, or why the broker cannot be asked.
pub async fn equal_grants(
    step: Step<'_>,
    found: &Found,
    user: &str,
    access: &BrokerAccess<'_>,
) -> Result<Grants, RotationError> {
    let (just_seen, now) = (&step.rotation.just_seen, (step.rotation.now)());
    // setSecret may have read the grants of the active user a moment ago. If they are not equal, both are read again.
    let mut active = just_seen.active_of(&step.attempt(found), now);
    let compare = async || compare_grants(found, user, access, active.take()).await;
    let may_lag = |compared: &Result<Grants, RotationError>| {
        matches!(compared, Err(RotationError::GrantsUnequal { .. }))
    };
    let active = nodes::agree(compare, may_lag).await?;
    just_seen.equal_grants(step.attempt(found), active.clone(), now);
    Ok(active)
}

async fn compare_grants(
    found: &Found,
    user: &str,
    access: &BrokerAccess<'_>,
    active: Option<Grants>,
) -> Result<Grants, RotationError> {
    let current = found.current.value.username();
    let admin = access.as_admin(&found.current.value);
    let active = match active {
        Some(active) => active,
        None => admin
            .grants(current)
            .await
            .map_err(RotationError::broker(READ, current))?
            .ok_or_else(|| RotationError::CurrentUserMissing { user: current.to_owned() })?,
    };
    let inactive = admin.grants(user).await.map_err(RotationError::broker(READ, user))?;
    let plan = plan(&active, &inactive.unwrap_or_default());
    if plan == Plan::default() {
        return Ok(active);
    }
    Err(RotationError::GrantsUnequal {
        user: user.to_owned(),
        current: current.to_owned(),
        differences: plan.descriptions().collect::<Vec<_>>().join("; "),
    })
}

async fn test_current(step: Step<'_>, found: &Found, access: &BrokerAccess<'_>) -> Result<(), RotationError> {
    let value = &found.current.value;
    let user = value.username();
    let next = found.next_user.as_str();
    let admin = access.as_admin(value);
    let verify = || step.rotation.amqp.verify(&access.endpoints, value.vhost(), user, value.password());
    let both_grants = async { (admin.grants(user).await, admin.grants(next).await) };
    let login = nodes::agree(async || verify().await, LoginError::may_be_a_lagging_node);
    let (login, (grants, next_grants)) = tokio::join!(login, both_grants);
    LoginError::in_use(login).map_err(RotationError::login(user, Credentials::Current))?;
    let grants = grants
        .map_err(RotationError::broker(READ, user))?
        .ok_or_else(|| RotationError::CurrentUserMissing { user: user.to_owned() })?;
    let next_grants = next_grants.map_err(RotationError::broker(READ, next))?;
    let pair = PairOnBroker {
        active: user,
        active_tags: &grants.tags,
        next,
        next_tags: next_grants.as_ref().map(|grants| &grants.tags),
    };
    claim::refuse_what_is_not_ours(step, found, access, pair, false).await?;
    tracing::info!(broker.user = user, "nothing new to test: the current user `{user}` and its admin log in");
    Ok(())
}

/// AMQP does not show tags, so the management API confirms that the user is an administrator.
async fn confirm_administrator(
    access: &BrokerAccess<'_>,
    value: &contract::SecretValue,
) -> Result<(), RotationError> {
    let user = value.username();
    let login = access.as_user(value);
    let may_lag = |confirmed: &Result<(), ApiError>| {
        let kind = confirmed.as_ref().err().map(ApiError::kind);
        matches!(kind, Some(Kind::AdminLoginRefused | Kind::AdminNotAdministrator))
    };
    nodes::agree(async || login.confirm_administrator().await, may_lag)
        .await
        .map_err(RotationError::broker("confirm the tag `administrator` of", user))
}

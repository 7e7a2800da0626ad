//! Reads the users of a pair from the broker, and whether a version of the secret logs in as them.

use std::collections::BTreeSet;

use contract::{SecretValue, Strategy};
use rotation_mq::error::RotationError;
use rotation_mq::management_api::User;
use rotation_mq::password::StoredPassword;
use rotation_mq::secret_store::StoreError;
use rotation_mq::steps::nodes;
use rotation_mq::version_state::AWSPREVIOUS;

use crate::BrokerUsers;
use crate::decide::Account;
use crate::found::Found;

/// A user, and its password as the broker stores it.
pub(super) struct Held {
    pub(super) account: Account,
    pub(super) stored: StoredPassword,
}

/// AWSCURRENT's user.
///
/// # Errors
/// When the broker cannot be asked.
pub(super) async fn read_active(
    found: &Found<'_>,
    settled: &BTreeSet<String>,
) -> Result<Option<Held>, RotationError> {
    let user = found.active();
    let Some(User { grants, password: stored }) = read(found, user).await? else { return Ok(None) };
    // The mark of another secret is stronger than a login.
    let logs_in = found.mark.foreign_in(&grants.tags).is_none()
        && is_accepted(found, &found.current.value, &stored).await?;
    let account = Account { grants, logs_in, is_settled: settled.contains(user) };
    Ok(Some(Held { account, stored }))
}

/// The user that takes turns with it. Only without a mark, a login of AWSPREVIOUS has to prove whose it is.
///
/// # Errors
/// When the broker or the secret cannot be asked.
pub(super) async fn read_other(
    users: &BrokerUsers,
    found: &Found<'_>,
    settled: &BTreeSet<String>,
) -> Result<Option<Held>, RotationError> {
    if found.current.value.strategy() == Strategy::Single {
        return Ok(None);
    }
    let user = found.other();
    let Some(User { grants, password: stored }) = read(found, user).await? else { return Ok(None) };
    let has_a_mark = found.mark.is_in(&grants.tags) || found.mark.foreign_in(&grants.tags).is_some();
    let logs_in = !has_a_mark && previous_logs_in(users, found, user, &stored).await?;
    let account = Account { grants, logs_in, is_settled: settled.contains(user) };
    Ok(Some(Held { account, stored }))
}

async fn read(found: &Found<'_>, user: &str) -> Result<Option<User>, RotationError> {
    found.admin().user(user).await.map_err(RotationError::broker("read the grants of", user))
}

async fn previous_logs_in(
    users: &BrokerUsers,
    found: &Found<'_>,
    user: &str,
    stored: &StoredPassword,
) -> Result<bool, RotationError> {
    let secret = &found.description.arn;
    let Some(id) = found.description.versions.with_stage(AWSPREVIOUS) else { return Ok(false) };
    let previous = match users.secrets.version(secret, id).await {
        Err(StoreError::Invalid { .. } | StoreError::Binary { .. }) => None,
        other => other.map_err(|source| RotationError::Secret {
            what: "read the previous value of",
            secret: secret.clone(),
            source,
        })?,
    };
    match previous {
        Some(previous) if previous.value.username() == user => {
            is_accepted(found, &previous.value, stored).await
        }
        _ => Ok(false),
    }
}

/// Whether the broker stores this password for the user of `value`. The hash tells. Without it, and before the function
/// says no, a login tells.
async fn is_accepted(
    found: &Found<'_>,
    value: &SecretValue,
    stored: &StoredPassword,
) -> Result<bool, RotationError> {
    if stored.is(value.password()) == Some(true) {
        return Ok(true);
    }
    let login = found.access.as_user(value);
    let login =
        nodes::agree(async || login.login_is_accepted().await, |login| matches!(login, Ok(false))).await;
    login.map_err(RotationError::broker("check the login of", value.username()))
}

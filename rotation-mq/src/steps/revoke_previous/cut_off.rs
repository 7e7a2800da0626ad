//! The proof that leaked credentials are cut off: the broker refuses them, and nobody is connected with them.

use std::time::Duration;

use contract::SecretValue;

use crate::Rotation;
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};
use crate::stale_connections::{Closing, SETTLE, asking};

/// So many times in a row: a password changed on one node of a cluster is a moment later on the others.
const REFUSALS: usize = 2;
/// Between two tries of a login that is still accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the proof has come when its time is over.
#[derive(Debug, Default)]
pub(super) struct Progress {
    refusals: usize,
}

impl Progress {
    /// Why the proof is not complete.
    pub(super) fn reason(&self) -> &'static str {
        if self.refusals == 0 {
            "the broker still accepts them, because an authentication cache keeps them until its time to live ends, \
             or because it asks another system for passwords (LDAP)"
        } else {
            "the broker refuses them, but connections of the user keep appearing"
        }
    }
}

/// Closes and tries to log in until the broker has refused the leaked login and a look after that finds no connection
/// that was not closed already. `is_still_ours` is asked each time before anything else, because a rotation may take the
/// user meanwhile.
pub(super) async fn cut_off(
    rotation: &Rotation,
    access: &BrokerAccess<'_>,
    leaked: &SecretValue,
    closing: &mut Closing<'_>,
    progress: &mut Progress,
    is_still_ours: &impl AsyncFn() -> Result<(), RotationError>,
) -> Result<(), RotationError> {
    loop {
        is_still_ours().await?;
        let is_news = closing.round().await.map_err(asking(leaked.username()))?;
        progress.refusals =
            if is_accepted(rotation, access, leaked).await? { 0 } else { progress.refusals + 1 };
        if progress.refusals >= REFUSALS && !is_news {
            return Ok(());
        }
        tokio::time::sleep(if progress.refusals == 0 { PAUSE } else { SETTLE }).await;
    }
}

/// As [`cut_off`], for a user whose password the application has by now: it connects again at once, and what is opened after
/// the broker has refused the leaked login cannot hold that. So everything is closed once, and no more.
pub(super) async fn close_once(
    rotation: &Rotation,
    access: &BrokerAccess<'_>,
    leaked: &SecretValue,
    closing: &mut Closing<'_>,
    progress: &mut Progress,
) -> Result<(), RotationError> {
    let user = leaked.username();
    while progress.refusals < REFUSALS {
        progress.refusals =
            if is_accepted(rotation, access, leaked).await? { 0 } else { progress.refusals + 1 };
        tokio::time::sleep(if progress.refusals == 0 { PAUSE } else { SETTLE }).await;
    }
    closing.round().await.map_err(asking(user))?;
    tokio::time::sleep(SETTLE).await;
    closing.look().await.map_err(asking(user))
}

/// Whether the broker accepts the login in either of the two ways: what an authentication cache keeps for one need not be
/// there for the other.
async fn is_accepted(
    rotation: &Rotation,
    access: &BrokerAccess<'_>,
    value: &SecretValue,
) -> Result<bool, RotationError> {
    let user = value.username();
    let over_http = access.as_user(value).login_is_accepted().await;
    if over_http.map_err(RotationError::broker("check the leaked login of", user))? {
        return Ok(true);
    }
    match rotation.amqp.verify(&access.endpoints, value.vhost(), user, value.password()).await {
        Err(LoginError::Refused(_)) => Ok(false),
        // The broker looks at the password first.
        Ok(())
        | Err(
            LoginError::VhostMissing(_) | LoginError::VhostNotPermitted(_) | LoginError::LimitReached { .. },
        ) => Ok(true),
        Err(error) => Err(RotationError::login(user, Credentials::Leaked)(error)),
    }
}

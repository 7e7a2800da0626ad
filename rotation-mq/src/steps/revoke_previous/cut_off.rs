//! The proof that leaked credentials are cut off: the broker refuses them, and nobody is connected with them.

use std::time::Duration;

use contract::SecretValue;

use crate::Rotation;
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};
use crate::stale_connections::{Closing, SETTLE, asking};

/// How often in a row the broker must refuse. A password that was changed on one node of a cluster reaches the others a
/// moment later.
pub const REFUSALS: usize = 2;
/// Between two tries of a login that is still accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the proof has come at the end of its time.
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
            "the broker refuses them, but new connections of the user keep appearing"
        }
    }
}

/// Closes connections and tries to log in, until the broker has refused the leaked login and no new connection is listed
/// after that. Each round calls `is_still_ours` first, because a rotation may take the user meanwhile.
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

/// As [`cut_off`], for a user whose new password the application has. The application connects again at once. Connections
/// that are opened after the broker has refused the leaked login cannot use it. So all connections are closed only once.
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

/// Whether the broker accepts the login over HTTP or AMQP. An authentication cache may keep it for only one of them.
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
        // The broker checks the password first.
        Ok(())
        | Err(
            LoginError::VhostMissing(_) | LoginError::VhostNotPermitted(_) | LoginError::LimitReached { .. },
        ) => Ok(true),
        Err(error) => Err(RotationError::login(user, Credentials::Leaked)(error)),
    }
}

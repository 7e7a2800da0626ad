//! Logins over AMQPS, as an application logs in.

use std::time::Duration;

use contract::{Login, SecretValue};
use lambda_boundary::Backoff;

use crate::Rotation;
use crate::amqp_login::LoginError;
use crate::error::{Credentials, RotationError};

/// A node of a cluster may not know a new password yet. So a refused login counts only if it is refused for about 5 s.
const REFUSED_FOR: Backoff = Backoff::every(Duration::from_secs(1), 5);

/// The password of a version that has been replaced is refused for good, so a refusal counts at once.
const ONCE: Backoff = Backoff::every(Duration::ZERO, 0);

/// Logs in with a value, at the broker that the value itself names. So nobody can have a password sent to another broker.
///
/// # Errors
/// Says what the broker refused, or why it could not be asked.
pub async fn log_in(
    rotation: &Rotation,
    value: &SecretValue,
    credentials: Credentials,
) -> Result<(), RotationError> {
    log_in_until(rotation, value, credentials, REFUSED_FOR).await
}

/// As [`log_in`], but a refused login is not asked again.
///
/// # Errors
/// As [`log_in`].
pub async fn log_in_once(
    rotation: &Rotation,
    value: &SecretValue,
    credentials: Credentials,
) -> Result<(), RotationError> {
    log_in_until(rotation, value, credentials, ONCE).await
}

async fn log_in_until(
    rotation: &Rotation,
    value: &SecretValue,
    credentials: Credentials,
    refused_for: Backoff,
) -> Result<(), RotationError> {
    let user = value.username();
    let endpoints = rotation.amazon_mq.endpoints(value.broker()).await?;
    let verify = async || rotation.amqp.verify(&endpoints, value.vhost(), user, value.password()).await;
    let login = refused_for.run(verify, is_refused).await;
    LoginError::in_use(login).map_err(RotationError::login(user, credentials))
}

/// What a login proves. Only the broker's own refusal counts as one.
pub fn outcome(login: &Result<(), RotationError>) -> Login {
    match login {
        Ok(()) => Login::Accepted,
        Err(RotationError::Login { source: LoginError::Refused(_), .. }) => Login::Refused,
        Err(_) => Login::Unknown,
    }
}

fn is_refused(login: &Result<(), LoginError>) -> bool {
    matches!(login, Err(LoginError::Refused(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_broker_itself_refuses_is_refused() {
        let login = |source| Err(RotationError::login("payment", Credentials::Checked)(source));
        for (login, expected) in [
            (Ok(()), Login::Accepted),
            (login(LoginError::Refused(None)), Login::Refused),
            (login(LoginError::Refused(Some("a newline at its end"))), Login::Refused),
            (login(LoginError::VhostMissing("shop".to_owned())), Login::Unknown),
            (login(LoginError::VhostNotPermitted("shop".to_owned())), Login::Unknown),
            (login(LoginError::LimitReached { of_user: false }), Login::Unknown),
            (login(LoginError::NoAnswer(Duration::from_secs(8))), Login::Unknown),
            (Err(RotationError::TimedOut(Duration::from_secs(8))), Login::Unknown),
        ] {
            assert_eq!(outcome(&login), expected, "{login:?}");
        }
    }
}

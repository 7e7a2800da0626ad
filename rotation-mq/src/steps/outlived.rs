//! Connections that outlive the passwords that they were opened with. A changed password closes no connection.

use super::{Found, Step};
use crate::error::RotationError;
use crate::stale_connections::{Listed, older_than};
use crate::version_state::AWSPREVIOUS;

/// If a client has closed its connection, RabbitMQ closes the socket after 30 s.
const LISTED_AFTER_ITS_END_MS: i64 = 35_000;

/// Records the connections of `user`, which is about to be reset, that are older than its present password. After the
/// reset, the password has changed twice since they were opened. If AWSPREVIOUS is for this user, it set that password.
///
/// A connection that its client has closed stays listed for up to 30 s. So nothing is reported for a password that was set
/// a moment ago.
///
/// This never makes the step fail. If something cannot be read, it is logged.
pub async fn note(step: Step<'_>, found: &Found, user: &str, listed: &[Listed]) {
    let Some(previous) = found.description.versions.with_stage(AWSPREVIOUS).filter(|_| !listed.is_empty())
    else {
        return;
    };
    let since = match step.rotation.secrets.version(&step.event.secret_id, previous).await {
        Ok(previous) => previous
            .filter(|previous| previous.value.username() == user)
            .and_then(|previous| previous.created_at_ms),
        Err(error) => {
            tracing::warn!(
                broker.user = user,
                "the age of the password of `{user}` could not be read: {error}"
            );
            None
        }
    };
    let now = (step.rotation.now)().as_millisecond();
    let since = since.filter(|since| now.saturating_sub(*since) > LISTED_AFTER_ITS_END_MS);
    if let Some(connections) = since.and_then(|since| older_than(listed, since)) {
        let _ = step
            .subject
            .outlived
            .set(RotationError::ConnectionsOutlived { user: user.to_owned(), connections });
    }
}

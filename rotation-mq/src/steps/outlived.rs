//! Sessions that outlive the passwords they were opened with: a changed password closes no connection.

use super::{Found, Step};
use crate::error::RotationError;
use crate::stale_connections::{Listed, older_than};
use crate::version_state::AWSPREVIOUS;

/// RabbitMQ gives up the socket of a client that said goodbye after 30 s.
const LISTED_AFTER_ITS_END_MS: i64 = 35_000;

/// Notes the sessions of `user`, which is about to be reset, that are older than its present password: after the reset its
/// password has changed twice under them. AWSPREVIOUS set that password, where it is of this user.
///
/// A connection that its client has closed stays listed for up to 30 s, so nothing is said of a password that was set
/// a moment ago.
///
/// Never a reason to fail the step, so what cannot be read is a line in the log.
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
            tracing::warn!(broker.user = user, "cannot tell how old the password of `{user}` is: {error}");
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

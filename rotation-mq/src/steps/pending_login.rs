//! Logs in with the pending credentials, even if somebody holds as many connections as the user may have.

use contract::Strategy;
use lambda_boundary::Backoff;

use super::{Found, Step, nodes};
use crate::amazon_mq::Endpoints;
use crate::amqp_login::LoginError;
use crate::broker_access::BrokerAccess;
use crate::error::{Credentials, RotationError};
use crate::secret_store::Version;
use crate::stale_connections;

/// A connection counts until its socket is closed. This is true for a connection that was just closed, and for the
/// function's own of a moment ago. A busy broker takes seconds to close a socket.
const AFTER_CLOSING: Backoff = Backoff::every(std::time::Duration::from_millis(500), 20);

/// Proves the pending login over AMQPS.
///
/// If the user's own limit on connections is reached, the function closes the connections of the pending user and tries
/// again. They were opened with a password from before the reset, and nobody has the new one yet. Otherwise, these
/// clients could block the rotation forever. With `single`, they belong to the application, and the limit is no error.
/// The function closes no connection of another user. So the limit of a vhost or a node stays an error.
///
/// # Errors
/// What the broker refuses.
pub async fn log_in(
    step: Step<'_>,
    found: &Found,
    pending: &Version,
    endpoints: &Endpoints,
) -> Result<(), RotationError> {
    let value = &pending.value;
    let user = value.username();
    let verify = || step.rotation.amqp.verify(endpoints, value.vhost(), user, value.password());
    let mut login = nodes::agree(async || verify().await, LoginError::may_be_a_lagging_node).await;
    if found.strategy() == Strategy::Single {
        login = LoginError::in_use(login);
    } else if LoginError::is_at_the_users_limit(&login) {
        let current = &found.current.value;
        let access = BrokerAccess::open(step.rotation.lookup(), &found.description.arn, current).await?;
        let closing = stale_connections::close_all(access.as_admin(current), user).await?;
        tracing::warn!(
            broker.user = user,
            "a limit on connections was reached: closed {} connections of `{user}`; still listed: {}",
            closing.closed(),
            closing.still_listed()
        );
        login = AFTER_CLOSING.again(login, async || verify().await, LoginError::is_at_the_users_limit).await;
    }
    login.map_err(RotationError::login(user, Credentials::Pending))
}

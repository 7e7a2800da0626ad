//! Connections of the user that is about to be reset, and what to do about them.
//!
//! A password change never closes a connection. So before the reset, the step only reports them: a client that still uses
//! the inactive user is locked out when it reconnects. Connections are closed after the reset. If they were closed before,
//! a client would log in again with the password that it has.

use crate::config::StaleConnections;
use crate::error::RotationError;
use crate::management_api::{ApiError, Connection, ConnectionDetails, ManagementApi};

mod closing;
mod silence;

pub use closing::{Closing, SETTLE};
use silence::is_gone;

/// At most this many connections are examined and named.
const LOOKED_AT: usize = 20;
/// A client may give itself a name of any length. This many characters are enough to recognize it.
const OWN_NAME_LIMIT: usize = 80;

/// A listed connection, and what the broker knows about it.
#[derive(Debug)]
pub struct Listed {
    connection: Connection,
    details: Option<ConnectionDetails>,
}

impl Listed {
    /// When it was opened (milliseconds since 1970), if the broker says so.
    fn connected_at(&self) -> Option<i64> {
        let details = self.details.as_ref().and_then(|details| details.connected_at);
        self.connection.connected_at.or(details)
    }
}

/// Looks for connections of `user`, which is about to be reset, and does what the policy requires before the reset.
/// Returns the connections that were examined.
///
/// # Errors
/// [`RotationError::ConnectionsInUse`] with `refuse`, or when the broker cannot be asked.
pub async fn before_reset(
    api: ManagementApi<'_>,
    user: &str,
    policy: StaleConnections,
) -> Result<Vec<Listed>, RotationError> {
    let connections = api.connections(user).await.map_err(asking(user))?;
    if connections.is_empty() {
        return Ok(Vec::new());
    }
    let listed = look_at(api, &connections).await;
    let total = connections.len();
    let everybody = describe(&listed, total);
    match policy {
        StaleConnections::Report | StaleConnections::Close => {
            tracing::warn!(
                broker.user = user,
                "user `{user}` is about to be reset but is connected: {everybody}"
            );
            Ok(listed)
        }
        StaleConnections::Refuse => {
            let (dead, alive): (Vec<_>, Vec<_>) =
                listed.into_iter().partition(|one| one.details.as_ref().is_some_and(is_gone));
            if !alive.is_empty() || total > LOOKED_AT {
                let connections = describe(&alive, total - dead.len());
                return Err(RotationError::ConnectionsInUse { user: user.to_owned(), connections });
            }
            for one in &dead {
                api.close_connection(&one.connection.name).await.map_err(asking(user))?;
            }
            tracing::warn!(
                broker.user = user,
                "removed connections of `{user}` whose clients are gone: {everybody}"
            );
            Ok(Vec::new())
        }
    }
}

/// The names of connections that were opened before `since_ms` and are still in use. None if there are none, or the broker
/// does not say when they were opened. A connection whose client is gone stays listed for a while.
#[must_use]
pub fn older_than(listed: &[Listed], since_ms: i64) -> Option<String> {
    let is_older = |one: &&Listed| one.connected_at().is_some_and(|at| at < since_ms);
    let lives = |one: &&Listed| !one.details.as_ref().is_some_and(is_gone);
    let names: Vec<String> = listed.iter().filter(lives).filter(is_older).map(name_of).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// If the policy is `close`, closes the connections of `user`, whose password has just changed. Safe to repeat: until the
/// rotation has finished, nobody has the new password.
///
/// # Errors
/// When the broker cannot be asked.
pub async fn after_reset(
    api: ManagementApi<'_>,
    user: &str,
    policy: StaleConnections,
) -> Result<(), RotationError> {
    if policy != StaleConnections::Close {
        return Ok(());
    }
    let closing = close_all(api, user).await?;
    if closing.closed() > 0 {
        tracing::warn!(
            broker.user = user,
            "closed {} connections of `{user}` after its reset; still listed: {}",
            closing.closed(),
            closing.still_listed()
        );
    }
    Ok(())
}

/// Closes every connection of `user` until none appears that was not closed already, a few times at most.
///
/// # Errors
/// When the broker cannot be asked.
pub async fn close_all<'a>(api: ManagementApi<'a>, user: &'a str) -> Result<Closing<'a>, RotationError> {
    let mut closing = Closing::of(api, user);
    closing.all().await.map_err(asking(user))?;
    Ok(closing)
}

/// An error of closing connections, for `map_err`.
pub fn asking(user: &str) -> impl Fn(ApiError) -> RotationError {
    RotationError::broker("look for or close connections of", user)
}

async fn look_at(api: ManagementApi<'_>, connections: &[Connection]) -> Vec<Listed> {
    let mut listed = Vec::new();
    let mut is_answered = true;
    for connection in connections.iter().take(LOOKED_AT) {
        // Statistics may be off or not available yet. Then only the name is known. If the broker fails one such request, it is
        // not asked twenty times.
        let details = if is_answered { api.connection(&connection.name).await } else { Ok(None) };
        is_answered &= details.is_ok();
        listed.push(Listed { connection: connection.clone(), details: details.unwrap_or_default() });
    }
    listed
}

/// The names of the connections, twenty at most, for messages.
pub async fn names(api: ManagementApi<'_>, connections: &[Connection]) -> Vec<String> {
    names_of(&look_at(api, connections).await, connections.len())
}

fn describe(listed: &[Listed], total: usize) -> String {
    names_of(listed, total).join(", ")
}

/// A connection's name, which holds both addresses, and the name that the client gave itself.
fn name_of(one: &Listed) -> String {
    let name = &one.connection.name;
    let own = one.details.as_ref().and_then(|details| details.user_provided_name.as_deref());
    let short = |own: &str| own.chars().take(OWN_NAME_LIMIT).collect::<String>();
    own.map_or_else(|| name.clone(), |own| format!("{} ({name})", short(own)))
}

fn names_of(listed: &[Listed], total: usize) -> Vec<String> {
    let mut described: Vec<String> = listed.iter().map(name_of).collect();
    if total > listed.len() {
        described.push(format!("and {} more", total - listed.len()));
    }
    described
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn connection(connected_at: Option<i64>) -> Connection {
        Connection { name: "10.0.0.1:5000 -> 10.0.0.2:5671".to_owned(), connected_at }
    }

    #[test]
    fn connections_are_named_by_what_they_call_themselves_and_by_address_however_long_that_is()
    -> Result<(), serde_json::Error> {
        let listed = |own: Option<&str>| -> Result<Listed, serde_json::Error> {
            let details = serde_json::from_value(json!({"user_provided_name": own}))?;
            Ok(Listed { connection: connection(None), details })
        };
        let both = [listed(Some("payment-7"))?, listed(None)?];
        let expected =
            "payment-7 (10.0.0.1:5000 -> 10.0.0.2:5671), 10.0.0.1:5000 -> 10.0.0.2:5671, and 3 more";
        assert_eq!(describe(&both, 5), expected);
        assert!(describe(&[listed(Some(&"x".repeat(100_000)))?], 1).len() < 200);
        Ok(())
    }

    #[test]
    fn a_session_has_outlived_a_password_that_was_stored_after_it_was_opened() -> Result<(), serde_json::Error>
    {
        let cases = [
            (Some(999), json!(null), true, "the list says when"),
            (Some(1_000), json!(null), false, "opened with it"),
            (None, json!({"connected_at": 999}), true, "the details say when"),
            (None, json!({"connected_at": 1_001}), false, "opened afterwards"),
            (None, json!({}), false, "the broker does not say when"),
            (None, json!(null), false, "statistics are off"),
        ];
        for (connected_at, details, expected, what) in cases {
            let listed =
                Listed { connection: connection(connected_at), details: serde_json::from_value(details)? };
            assert_eq!(older_than(&[listed], 1_000).is_some(), expected, "{what}");
        }
        Ok(())
    }
}

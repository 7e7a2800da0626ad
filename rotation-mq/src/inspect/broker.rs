//! What the broker's management API says about the users of the pair, their connections and their limits.

use contract::{Inspection, Kind, cut};

use super::facts::{Account, ConnectionSeen, Facts, UserSeen, VhostSeen};
use super::finding;
use crate::amqp_login::OWN_NAME;
use crate::error::RotationError;
use crate::management_api::{ApiError, ConnectionDetails, ManagementApi, TrackedConnection};

/// A client may give itself a name of any length. This many bytes are enough to recognize it.
const CLIENT_LIMIT: usize = 120;
/// A connection of these functions is closed within a second. It may stay listed for a while.
const OWN_STAYS_LISTED_MS: i64 = 60_000;

/// A look at the broker as its admin. It writes what it sees into the facts at once, so that nothing is lost if it is
/// stopped.
pub struct Look<'f, 'a> {
    api: ManagementApi<'a>,
    facts: &'f mut Facts,
    /// Whether the broker, or the admin's login, does not answer any question.
    is_over: bool,
}

impl<'f, 'a> Look<'f, 'a> {
    /// Nothing is asked yet.
    pub fn of(api: ManagementApi<'a>, facts: &'f mut Facts) -> Self {
        Self { api, facts, is_over: false }
    }

    /// Asks about `users`, AWSCURRENT's first, and about the vhost. One question follows the other, on one connection.
    pub async fn at(&mut self, users: &[&str], vhost: &str) {
        let api = self.api;
        self.facts.users =
            users.iter().enumerate().map(|(index, name)| nothing_of(name, index == 0)).collect();
        let mut tracked = Vec::new();
        for (index, user) in users.iter().enumerate() {
            let found = self.ask("read the grants of", user, api.user(user)).await;
            let connections = self.ask("look for connections of", user, api.tracked_connections(user)).await;
            let Some(seen) = self.facts.users.get_mut(index) else { continue };
            if let Some(found) = found {
                seen.account = found.map_or(Account::Missing, |user| Account::Exists(user.grants));
            }
            seen.connections = connections.as_ref().map(|list| u64::try_from(list.len()).unwrap_or(u64::MAX));
            tracked.push(connections.unwrap_or_default());
        }
        let asked_for = users.first().copied().unwrap_or_default();
        let version = self.ask("read the broker's version for", asked_for, api.broker_version()).await;
        if let (Some(Some(version)), Some(broker)) = (version, &mut self.facts.broker) {
            broker.version = Some(version);
        }
        self.look_at_the_vhost(vhost, asked_for).await;
        // Clients of the user that the next rotation resets matter more.
        for (index, user) in users.iter().enumerate().rev() {
            let listed = tracked.get(index).map(Vec::as_slice).unwrap_or_default();
            self.look_at_connections(index, user, listed).await;
        }
    }

    async fn look_at_the_vhost(&mut self, vhost: &str, user: &str) {
        let (api, name) = (self.api, vhost.to_owned());
        let limit = self.ask("read the limit of the vhost of", user, api.vhost_connection_limit(vhost)).await;
        let Some(limit) = limit.flatten() else { return };
        let count = api.vhost_connections(vhost);
        let connections = self.ask("count the connections in the vhost of", user, count).await;
        self.facts.vhost = connections.map(|connections| VhostSeen { name, limit, connections });
    }

    /// Looks at single connections, up to the most in one answer. Connections of these functions, and those that their
    /// clients have closed, do not count. If the broker fails one such request, it is not asked for the others.
    async fn look_at_connections(&mut self, index: usize, user: &str, tracked: &[TrackedConnection]) {
        let mut answers = true;
        for connection in tracked {
            if self.facts.connections.len() >= Inspection::CONNECTIONS_LISTED {
                return;
            }
            let details = if answers && !self.is_over {
                let details = self.api.connection_start(&connection.name).await;
                answers = details.is_ok();
                details.ok().flatten()
            } else {
                None
            };
            if details.as_ref().is_some_and(|details| is_gone(details, self.facts.now_ms)) {
                if let Some(seen) = self.facts.users.get_mut(index) {
                    seen.connections = seen.connections.map(|count| count.saturating_sub(1));
                }
                continue;
            }
            self.facts.connections.push(connection_of(user, connection, details));
        }
    }

    async fn ask<T>(
        &mut self,
        what: &str,
        user: &str,
        question: impl Future<Output = Result<T, ApiError>>,
    ) -> Option<T> {
        if self.is_over {
            return None;
        }
        match question.await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.is_over = leaves_no_hope(error.kind());
                self.facts.problems.push(finding(&RotationError::broker(what, user)(error)));
                None
            }
        }
    }
}

fn nothing_of(name: &str, in_turn: bool) -> UserSeen {
    UserSeen { name: name.to_owned(), in_turn, account: Account::Unknown, connections: None, has_proof: None }
}

/// Whether the next question would fail for the same reason.
fn leaves_no_hope(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::BrokerUnreachable
            | Kind::BrokerTlsRefused
            | Kind::BrokerUnexpectedAnswer
            | Kind::AdminLoginRefused
            | Kind::AdminNotAdministrator
    )
}

/// Whether nobody uses the connection: its client has closed it, or it is a login test of these functions. A client that
/// takes the name of a login test is listed after a minute.
fn is_gone(details: &ConnectionDetails, now_ms: i64) -> bool {
    let is_own = details.user_provided_name.as_deref() == Some(OWN_NAME);
    let is_young = details.connected_at.is_some_and(|at| now_ms.saturating_sub(at) < OWN_STAYS_LISTED_MS);
    details.state.as_deref() == Some("closed") || (is_own && is_young)
}

/// A connection's name is `10.0.0.1:51514 -> 10.0.0.2:5671`.
fn connection_of(
    user: &str,
    connection: &TrackedConnection,
    details: Option<ConnectionDetails>,
) -> ConnectionSeen {
    let details = details.unwrap_or_default();
    let peer = connection.name.split(" -> ").next().unwrap_or_default();
    ConnectionSeen {
        user: user.to_owned(),
        vhost: connection.vhost.clone(),
        peer: cut(peer, CLIENT_LIMIT),
        client: details.user_provided_name.map(|name| cut(&name, CLIENT_LIMIT)),
        since_ms: details.connected_at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_login_test_of_these_functions_does_not_count_and_a_client_with_its_name_does_after_a_minute()
    -> Result<(), serde_json::Error> {
        let now = 1_000_000;
        for (details, expected) in [
            (json!({"state": "running", "connected_at": 1}), false),
            (json!({"state": "closed"}), true),
            (json!({"user_provided_name": OWN_NAME, "connected_at": now - 1_000}), true),
            (json!({"user_provided_name": OWN_NAME, "connected_at": now - 60_000}), false),
            (json!({"user_provided_name": OWN_NAME}), false),
            (json!({"user_provided_name": "payment-7", "connected_at": now - 1_000}), false),
            (json!({}), false),
        ] {
            assert_eq!(is_gone(&serde_json::from_value(details.clone())?, now), expected, "{details}");
        }
        Ok(())
    }

    #[test]
    fn a_connection_is_named_by_the_address_of_its_client() {
        for (name, peer) in [
            ("10.0.0.1:51514 -> 10.0.0.2:5671", "10.0.0.1:51514"),
            ("[::1]:51514 -> [::1]:5671", "[::1]:51514"),
            ("<rabbit@node.1.2.3>", "<rabbit@node.1.2.3>"),
        ] {
            let tracked = TrackedConnection { name: name.to_owned(), vhost: Some("/".to_owned()) };
            let seen = connection_of("payment", &tracked, None);
            assert_eq!((seen.peer.as_str(), seen.client, seen.since_ms), (peer, None, None), "{name}");
        }
    }
}

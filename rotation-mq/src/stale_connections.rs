//! Who is still connected as the user that is about to be reset, and what to do about it.
//!
//! A password change never closes a connection, so this is about telling people: somebody who still uses
//! the inactive user will be locked out at the next reconnect.

use std::time::Duration;

use crate::config::StaleConnections;
use crate::error::RotationError;
use crate::management_api::{ApiError, ConnectionDetails, ManagementApi};

/// At most so many connections are looked at and named.
const LOOKED_AT: usize = 20;
/// A client may give itself a name of any length; so many characters of it tell who it is.
const OWN_NAME_LIMIT: usize = 80;
/// RabbitMQ misses a connection that is just being opened in 2 of 100 cases, so the list is read again.
const SETTLE: Duration = Duration::from_millis(300);
const CLOSE_ROUNDS: usize = 2;
/// Without heartbeats a connection counts as dead after so many seconds of silence.
const SILENCE_WITHOUT_HEARTBEAT: u64 = 60;
/// Statistics are sampled every 5 s and collected every 5 s.
const SAMPLING: u64 = 10;

/// A listed connection and what the broker knows of it.
struct Listed {
    name: String,
    details: Option<ConnectionDetails>,
}

/// Looks for connections of `user`, which is about to be reset, and does what the policy says.
///
/// # Errors
/// [`RotationError::ConnectionsInUse`] under `refuse`, or when the broker cannot be asked.
pub async fn handle(
    api: ManagementApi<'_>,
    user: &str,
    policy: StaleConnections,
) -> Result<(), RotationError> {
    let names = api.connections(user).await.map_err(asking(user))?;
    if names.is_empty() {
        return Ok(());
    }
    let listed = look_at(api, &names).await;
    let everybody = describe(&listed, names.len());
    match policy {
        StaleConnections::Report => {
            tracing::warn!(
                broker.user = user,
                "user `{user}` is about to be reset but is connected: {everybody}"
            );
        }
        StaleConnections::Close => {
            let closed = close_all(api, user).await.map_err(asking(user))?;
            tracing::warn!(
                broker.user = user,
                "closed {closed} connections of `{user}` before its reset: {everybody}"
            );
        }
        StaleConnections::Refuse => {
            let (dead, alive): (Vec<_>, Vec<_>) =
                listed.into_iter().partition(|one| one.details.as_ref().is_some_and(is_gone));
            if !alive.is_empty() || names.len() > LOOKED_AT {
                let connections = describe(&alive, names.len() - dead.len());
                return Err(RotationError::ConnectionsInUse { user: user.to_owned(), connections });
            }
            for one in &dead {
                api.close_connection(&one.name).await.map_err(asking(user))?;
            }
            tracing::warn!(
                broker.user = user,
                "removed connections of `{user}` whose clients are gone: {everybody}"
            );
        }
    }
    Ok(())
}

/// Whether the client is gone although the connection is still listed. One that said goodbye stays listed for up to 30 s,
/// until the broker gives its socket up. It can do nothing any more.
fn is_gone(details: &ConnectionDetails) -> bool {
    details.state.as_deref() == Some("closed") || is_silent(details)
}

/// Whether nothing has come for so long that the client must be dead: a live one sends at least a
/// heartbeat in the time that was agreed on. Nothing is said of a connection that is too young to tell.
fn is_silent(details: &ConnectionDetails) -> bool {
    let heartbeat = details.timeout.filter(|seconds| *seconds > 0).unwrap_or(SILENCE_WITHOUT_HEARTBEAT);
    let window_ms = (heartbeat + SAMPLING) * 1_000;
    let Some(newest) = details.received().iter().max_by_key(|sample| sample.at_ms) else { return false };
    // Before a connection was there its samples are 0, so an equal one proves that it is old enough.
    newest.bytes > 0
        && details
            .received()
            .iter()
            .any(|sample| newest.at_ms - sample.at_ms >= window_ms && sample.bytes == newest.bytes)
}

/// Closes every connection of `user` and answers how many different ones were listed. A connection that
/// opens at the same moment can be missed by one call, so the list is read and closed again after a pause.
///
/// # Errors
/// When the broker cannot be asked.
pub async fn close_all(api: ManagementApi<'_>, user: &str) -> Result<usize, ApiError> {
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..=CLOSE_ROUNDS {
        let listed = api.connections(user).await?;
        let is_news = listed.iter().any(|name| !seen.contains(name));
        seen.extend(listed);
        if round > 0 && !is_news {
            // A connection whose client does not answer stays listed for up to 30 s after it was closed.
            return Ok(seen.len());
        }
        api.close_connections(user).await?;
        tokio::time::sleep(SETTLE).await;
    }
    Ok(seen.len())
}

async fn look_at(api: ManagementApi<'_>, names: &[String]) -> Vec<Listed> {
    let mut listed = Vec::new();
    let mut is_answered = true;
    for name in names.iter().take(LOOKED_AT) {
        // Statistics may be off, or not be there yet: then the name alone has to do. A broker that fails one
        // such request is not asked twenty times.
        let details = if is_answered { api.connection(name).await } else { Ok(None) };
        is_answered &= details.is_ok();
        listed.push(Listed { name: name.clone(), details: details.unwrap_or_default() });
    }
    listed
}

/// Connection names, which hold both addresses, with the name that the client gave itself.
fn describe(listed: &[Listed], total: usize) -> String {
    let name_of = |one: &Listed| {
        let own = one.details.as_ref().and_then(|details| details.user_provided_name.as_deref());
        let short = |own: &str| own.chars().take(OWN_NAME_LIMIT).collect::<String>();
        own.map_or_else(|| one.name.clone(), |own| format!("{} ({})", short(own), one.name))
    };
    let mut described: Vec<String> = listed.iter().map(name_of).collect();
    if total > listed.len() {
        described.push(format!("and {} more", total - listed.len()));
    }
    described.join(", ")
}

fn asking(user: &str) -> impl Fn(ApiError) -> RotationError {
    RotationError::broker("look for or close connections of", user)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One sample every 5 s, newest first, as the broker answers them.
    fn details(heartbeat: u64, bytes_newest_first: &[u64]) -> Result<ConnectionDetails, serde_json::Error> {
        let samples: Vec<_> = bytes_newest_first
            .iter()
            .zip(0_u64..)
            .map(|(bytes, age)| json!({"sample": bytes, "timestamp": 1_000_000 - age * 5_000}))
            .collect();
        serde_json::from_value(json!({"timeout": heartbeat, "recv_oct_details": {"samples": samples}}))
    }

    #[test]
    fn a_connection_is_dead_when_it_missed_a_heartbeat_and_not_before() -> Result<(), serde_json::Error> {
        let cases: [(u64, &[u64], bool, &str); 7] = [
            (10, &[406, 406, 406, 406, 406], true, "silent for 20 s"),
            (10, &[406, 406, 406, 406, 398], false, "silent for 15 s only"),
            (10, &[406, 406, 0, 0, 0, 0], false, "opened 5 s ago"),
            (10, &[430, 422, 414, 406, 398], false, "a heartbeat every 5 s"),
            (0, &[406; 14], false, "no heartbeat, silent for 65 s"),
            (0, &[406; 15], true, "no heartbeat, silent for 70 s"),
            (10, &[], false, "statistics are off"),
        ];
        for (heartbeat, bytes, expected, what) in cases {
            assert_eq!(is_silent(&details(heartbeat, bytes)?), expected, "{what}");
        }
        assert!(!is_silent(&ConnectionDetails::default()));
        Ok(())
    }

    #[test]
    fn a_client_that_said_goodbye_is_gone_although_its_connection_is_listed() -> Result<(), serde_json::Error>
    {
        for (state, expected) in [("closed", true), ("closing", false), ("running", false), ("flow", false)] {
            assert_eq!(is_gone(&serde_json::from_value(json!({"state": state}))?), expected, "{state}");
        }
        Ok(())
    }

    #[test]
    fn connections_are_named_by_what_they_call_themselves_and_by_address_however_long_that_is()
    -> Result<(), serde_json::Error> {
        let listed = |own: Option<&str>| -> Result<Listed, serde_json::Error> {
            let details = serde_json::from_value(json!({"user_provided_name": own}))?;
            Ok(Listed { name: "10.0.0.1:5000 -> 10.0.0.2:5671".to_owned(), details })
        };
        let both = [listed(Some("payment-7"))?, listed(None)?];
        let expected =
            "payment-7 (10.0.0.1:5000 -> 10.0.0.2:5671), 10.0.0.1:5000 -> 10.0.0.2:5671, and 3 more";
        assert_eq!(describe(&both, 5), expected);
        assert!(describe(&[listed(Some(&"x".repeat(100_000)))?], 1).len() < 200);
        Ok(())
    }
}

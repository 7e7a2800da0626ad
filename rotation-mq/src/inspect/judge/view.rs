//! Facts as the answer shows them.

use contract::{InspectedBroker, InspectedConnection, InspectedUser, InspectedVersion, Severity};

use super::{days_until, owner, time};
use crate::inspect::facts::{Account, BrokerSeen, ConnectionSeen, UserSeen, VersionSeen};
use crate::management_api::MAX_CONNECTIONS;
use crate::ownership::Mark;

/// The most differences in one answer.
const DIFFERENCES: usize = 100;

pub fn version(seen: &VersionSeen) -> InspectedVersion {
    InspectedVersion {
        version_id: seen.id.clone(),
        stages: seen.stages.clone(),
        created_at: seen.created_at_ms.and_then(time),
        user: seen.user.clone(),
        login: seen.login,
    }
}

pub fn user(mark: &Mark, user: &UserSeen) -> InspectedUser {
    let grants = match &user.account {
        Account::Exists(grants) => Some(grants),
        Account::Unknown | Account::Missing => None,
    };
    let tags = grants.into_iter().flat_map(|grants| &grants.tags).filter(|tag| !Mark::is_mark(tag));
    let limit = grants.and_then(|grants| grants.limits.get(MAX_CONNECTIONS));
    InspectedUser {
        name: user.name.clone(),
        exists: match user.account {
            Account::Unknown => None,
            Account::Missing => Some(false),
            Account::Exists(_) => Some(true),
        },
        in_turn: user.in_turn,
        owner: owner(mark, user),
        tags: tags.cloned().collect(),
        connections: user.connections,
        connection_limit: limit.and_then(|limit| u64::try_from(*limit).ok()),
    }
}

pub fn broker(seen: BrokerSeen, now_ms: i64) -> InspectedBroker {
    InspectedBroker {
        name: seen.name,
        state: seen.state,
        version: seen.version,
        certificate_ends: seen.certificate_ends_ms.and_then(time),
        certificate_days: seen.certificate_ends_ms.map(|ends| days_until(ends, now_ms)),
    }
}

/// The place of a finding among the others.
pub fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 0,
        Severity::Error => 1,
        Severity::Warning => 2,
    }
}

/// Connections, the oldest first. One of a user whose turn it is not is stale.
pub fn connections(mut seen: Vec<ConnectionSeen>, users: &[UserSeen]) -> Vec<InspectedConnection> {
    seen.sort_by_key(|connection| connection.since_ms.unwrap_or(i64::MAX));
    let is_in_turn = |name: &str| users.iter().any(|user| user.in_turn && user.name == name);
    let view = |connection: ConnectionSeen| InspectedConnection {
        stale: !is_in_turn(&connection.user),
        user: connection.user,
        vhost: connection.vhost,
        peer: connection.peer,
        client: connection.client,
        since: connection.since_ms.and_then(time),
    };
    seen.into_iter().map(view).collect()
}

/// As many differences as fit into one answer.
pub fn differences(mut all: Vec<String>) -> Vec<String> {
    let more = all.len().saturating_sub(DIFFERENCES);
    if more > 0 {
        all.truncate(DIFFERENCES);
        all.push(format!("and {more} more"));
    }
    all
}

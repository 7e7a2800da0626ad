//! Who is connected, and how close that is to a limit.

use contract::{Finding, Kind, Strategy};

use super::{found, shortened, time};
use crate::inspect::facts::{Account, ConnectionSeen, Facts, UserSeen};
use crate::management_api::MAX_CONNECTIONS;

/// The most connections that a finding names.
const NAMED: usize = 5;

/// How many connections the users have together. None if that is not known of each of them.
pub fn total(users: &[UserSeen]) -> Option<u64> {
    let counted: Option<Vec<u64>> = users.iter().map(|user| user.connections).collect();
    counted.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
}

/// Clients that use the user whose turn it is not, and limits that are nearly reached. Until a rotation `is_settled`,
/// clients still move.
pub fn findings(facts: &Facts, is_settled: bool) -> Vec<Finding> {
    let mut all: Vec<Finding> = stale(facts).filter(|_| is_settled).into_iter().collect();
    all.extend(facts.users.iter().filter_map(near_its_limit));
    if let Some(vhost) = facts.vhost.as_ref().filter(|vhost| is_near(vhost.connections, vhost.limit)) {
        let message = format!(
            "the vhost `{}` has {} connections, and its limit is {}",
            vhost.name, vhost.connections, vhost.limit
        );
        all.push(found(Kind::LoginLimitNear, &message));
    }
    all
}

fn stale(facts: &Facts) -> Option<Finding> {
    let user = facts.users.iter().find(|user| !user.in_turn)?;
    if facts.strategy != Some(Strategy::Alternating) {
        return None;
    }
    let of_user = facts.connections.iter().filter(|connection| connection.user == user.name);
    // Without a time it is too new, or closed: the broker lists a closed connection for up to half a minute. The login test
    // of an inspection is one.
    let (mut listed, closed): (Vec<&ConnectionSeen>, Vec<&ConnectionSeen>) =
        of_user.partition(|connection| connection.since_ms.is_some());
    let count = user.connections?.saturating_sub(u64::try_from(closed.len()).unwrap_or(u64::MAX));
    if count == 0 {
        return None;
    }
    listed.sort_by_key(|connection| connection.since_ms.unwrap_or(i64::MAX));
    let mut names: Vec<String> = listed.into_iter().map(name_of).collect();
    // Those that are not listed count, too.
    let total = usize::try_from(count).unwrap_or(usize::MAX).max(names.len());
    names.truncate(NAMED);
    if total > names.len() {
        names.push(format!("and {} more", total - names.len()));
    }
    let message = format!(
        "clients are connected as user `{}`, which the next rotation resets: {} ({count} in total)",
        user.name,
        shortened(&names, NAMED + 1, ", ")
    );
    Some(found(Kind::ConnectionsStale, &message))
}

fn name_of(connection: &ConnectionSeen) -> String {
    let since = connection.since_ms.and_then(time).map(|since| format!("since {since}"));
    let about: Vec<String> = connection.client.clone().into_iter().chain(since).collect();
    if about.is_empty() {
        connection.peer.clone()
    } else {
        format!("{} ({})", connection.peer, about.join(", "))
    }
}

fn near_its_limit(user: &UserSeen) -> Option<Finding> {
    let Account::Exists(grants) = &user.account else { return None };
    let (limit, connections) = (*grants.limits.get(MAX_CONNECTIONS)?, user.connections?);
    is_near(connections, limit).then(|| {
        let message = format!("user `{}` has {connections} connections, and its limit is {limit}", user.name);
        found(Kind::LoginLimitNear, &message)
    })
}

/// Whether nine tenths of a limit are reached. A negative limit is none.
fn is_near(connections: u64, limit: i64) -> bool {
    u64::try_from(limit).is_ok_and(|limit| connections.saturating_mul(10) >= limit.saturating_mul(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_near_from_nine_tenths_on() {
        for (connections, limit, expected) in [
            (0, -1, false),
            (1_000, -1, false),
            (0, 0, true),
            (0, 1, false),
            (1, 1, true),
            (1, 2, false),
            (2, 2, true),
            (8, 10, false),
            (9, 10, true),
            (899, 1_000, false),
            (900, 1_000, true),
            (2_000, 1_000, true),
            (u64::MAX, i64::MAX, true),
        ] {
            assert_eq!(is_near(connections, limit), expected, "{connections} of {limit}");
        }
    }

    #[test]
    fn connections_are_counted_only_if_each_user_s_are_known() {
        let user = |connections| UserSeen {
            name: "payment".to_owned(),
            in_turn: true,
            account: Account::Unknown,
            connections,
            has_proof: None,
        };
        for (counts, expected) in
            [(&[][..], None), (&[Some(3)], Some(3)), (&[Some(3), Some(0)], Some(3)), (&[Some(3), None], None)]
        {
            let users: Vec<UserSeen> = counts.iter().map(|count| user(*count)).collect();
            assert_eq!(total(&users), expected, "{counts:?}");
        }
    }
}

//! Connections, their limits, and grants.

use super::*;
use crate::inspect::facts::VhostSeen;

#[test]
fn what_set_secret_would_change_is_listed_and_told_if_no_rotation_is_about_to_change_it() {
    let widen = |facts: &mut Facts| {
        if let Account::Exists(grants) = &mut facts.users[1].account {
            grants.tags.insert("monitoring".to_owned());
            grants.permissions.clear();
        }
    };
    let expected = ["for `payment`: set tags []", "for `payment`: grant permission on vhost `/`"];
    let inspection = with(widen);
    assert_eq!(inspection.differences, expected);
    assert_eq!(kinds(&inspection), ["grants.differ"]);
    let during = with(|facts| {
        widen(facts);
        facts.versions.insert(1, pending(60_000));
    });
    assert_eq!((during.differences.len(), kinds(&during).len()), (2, 0));
    let first = with(|facts| facts.users[1].account = Account::Missing);
    assert_eq!(
        first.differences,
        ["create the user `payment`", "for `payment`: grant permission on vhost `/`"]
    );
    assert_eq!(kinds(&first), Vec::<&str>::new());
    let unknown = with(|facts| facts.users[1].account = Account::Unknown);
    assert_eq!((unknown.differences, unknown.findings), (vec![], vec![]));
    let many = with(|facts| {
        if let Account::Exists(grants) = &mut facts.users[1].account {
            let vhost = |number: u32| (format!("vhost-{number}"), grants.permissions["/"].clone());
            let more: Vec<_> = (0..300).map(vhost).collect();
            grants.permissions.extend(more);
        }
    });
    assert_eq!(many.differences.len(), 101);
    assert_eq!(many.differences.last().map(String::as_str), Some("and 200 more"));
    let message = many.findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
    assert!(message.contains("and 295 more") && message.len() <= MESSAGE_LIMIT, "{message}");
}

#[test]
fn clients_of_the_user_that_is_about_to_be_reset_are_named_oldest_first_once_a_rotation_has_settled() {
    let stale = |facts: &mut Facts| {
        facts.users[1].connections = Some(9);
        facts.users[0].connections = Some(1);
        facts.connections = vec![
            connection("payment", "10.0.0.9:1", None),
            connection("payment", "10.0.0.2:1", Some(NOW - 2 * HOUR)),
            connection("payment", "10.0.0.1:1", Some(NOW - 3 * HOUR)),
            connection("payment_clone", "10.0.0.3:1", Some(NOW - HOUR)),
        ];
    };
    let inspection = with(stale);
    assert_eq!(kinds(&inspection), ["connections.stale"]);
    let peers: Vec<(&str, bool)> =
        inspection.connections.iter().map(|one| (one.peer.as_str(), one.stale)).collect();
    let expected = [("10.0.0.1:1", true), ("10.0.0.2:1", true), ("10.0.0.3:1", false), ("10.0.0.9:1", true)];
    assert_eq!(peers, expected);
    assert_eq!(inspection.connections_total, Some(10));
    assert_eq!(
        inspection.findings[0].message,
        "clients are connected as user `payment`, which the next rotation resets: 10.0.0.1:1 (worker, since \
         2027-01-15T05:00:00Z), 10.0.0.2:1 (worker, since 2027-01-15T06:00:00Z), and 6 more (8 in total)"
    );
    let closed = with(|facts| {
        facts.users[1].connections = Some(1);
        facts.connections = vec![connection("payment", "10.0.0.9:1", None)];
    });
    assert_eq!(kinds(&closed), Vec::<&str>::new());
    assert!(closed.connections[0].stale, "it is listed nevertheless");
    let young = with(|facts| {
        stale(facts);
        facts.versions[0].created_at_ms = Some(NOW - 60_000);
    });
    assert_eq!(kinds(&young), Vec::<&str>::new());
    assert!(young.connections[0].stale, "it is listed nevertheless");
    let single = with(|facts| {
        stale(facts);
        facts.strategy = Some(Strategy::Single);
        facts.users.pop();
        facts.connections.retain(|one| one.user == "payment_clone");
    });
    assert_eq!(kinds(&single), Vec::<&str>::new());
}

#[test]
fn a_limit_of_the_user_or_of_the_vhost_that_is_near_is_told_with_its_numbers() {
    let of_user = with(|facts| {
        facts.users[0].connections = Some(9);
        if let Account::Exists(grants) = &mut facts.users[0].account {
            grants.limits.insert("max-connections".to_owned(), 10);
        }
        if let Account::Exists(grants) = &mut facts.users[1].account {
            grants.limits.insert("max-connections".to_owned(), 10);
        }
    });
    assert_eq!(kinds(&of_user), ["login.limit_near"]);
    assert_eq!(of_user.findings[0].message, "user `payment_clone` has 9 connections, and its limit is 10");
    assert_eq!(of_user.users[0].connection_limit, Some(10));
    for (connections, expected) in [(89, &[][..]), (90, &["login.limit_near"])] {
        let name = "shop".to_owned();
        let of_vhost = with(|facts| facts.vhost = Some(VhostSeen { name, limit: 100, connections }));
        assert_eq!(kinds(&of_vhost), expected, "{connections}");
    }
}

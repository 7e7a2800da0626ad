use contract::Severity;

use super::*;
use crate::amqp_login::LoginError;
use crate::error::Credentials;
use crate::grants::Permission;
use crate::inspect::facts::ConnectionSeen;

mod connections;
mod logins;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const NOW: i64 = 1_800_000_000_000;
const HOUR: i64 = 60 * 60 * 1_000;
const FOREIGN: &str = "secret-0123456789abcdef";

fn seen(id: &str, stage: &str, user: &str, created_at_ms: i64) -> VersionSeen {
    VersionSeen {
        id: id.to_owned(),
        stages: vec![stage.to_owned()],
        created_at_ms: Some(created_at_ms),
        user: Some(user.to_owned()),
        unreadable: None,
        login: Login::Accepted,
        problem: None,
    }
}

fn grants(tags: &[&str]) -> Grants {
    let permission =
        Permission { configure: String::new(), write: "^orders$".to_owned(), read: String::new() };
    Grants {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        permissions: [("/".to_owned(), permission)].into(),
        ..Grants::default()
    }
}

fn user(name: &str, in_turn: bool) -> UserSeen {
    let mark = Mark::of(ARN).to_string();
    let account = Account::Exists(grants(&[&mark]));
    UserSeen { name: name.to_owned(), in_turn, account, connections: Some(0), has_proof: None }
}

/// A secret that was rotated an hour ago, and with which all is well.
fn well() -> Facts {
    Facts {
        secret_arn: ARN.to_owned(),
        name: "rabbitmq/payment".to_owned(),
        now_ms: NOW,
        rotation_enabled: true,
        next_rotation_ms: Some(NOW + HOUR),
        tags: Tags::default(),
        mark: Mark::of(ARN),
        strategy: Some(Strategy::Alternating),
        is_own_admin: false,
        versions: vec![
            seen("two", AWSCURRENT, "payment_clone", NOW - HOUR),
            seen("one", "AWSPREVIOUS", "payment", NOW - 2 * HOUR),
        ],
        users: vec![user("payment_clone", true), user("payment", false)],
        vhost: None,
        broker: Some(BrokerSeen {
            name: "b-1".to_owned(),
            certificate_ends_ms: Some(NOW + 21 * DAY_MS),
            ..BrokerSeen::default()
        }),
        connections: Vec::new(),
        problems: Vec::new(),
    }
}

fn with(change: impl FnOnce(&mut Facts)) -> Inspection {
    let mut facts = well();
    change(&mut facts);
    judge(facts)
}

fn kinds(inspection: &Inspection) -> Vec<&str> {
    inspection.findings.iter().map(|finding| finding.kind.as_str()).collect()
}

fn refused(user: &str, credentials: Credentials) -> Finding {
    finding(&RotationError::login(user, credentials)(LoginError::Refused(None)))
}

fn silent(user: &str) -> Finding {
    let error = LoginError::NoAnswer(std::time::Duration::from_secs(8));
    finding(&RotationError::login(user, Credentials::Current)(error))
}

fn refuse(facts: &mut Facts, index: usize, credentials: Credentials) {
    let version = &mut facts.versions[index];
    version.login = Login::Refused;
    version.problem = Some(refused(version.user.as_deref().unwrap_or_default(), credentials));
}

fn pending(created_ago: i64) -> VersionSeen {
    seen("three", AWSPENDING, "payment", NOW - created_ago)
}

fn connection(user: &str, peer: &str, since_ms: Option<i64>) -> ConnectionSeen {
    ConnectionSeen {
        user: user.to_owned(),
        vhost: Some("/".to_owned()),
        peer: peer.to_owned(),
        client: Some("worker".to_owned()),
        since_ms,
    }
}

#[test]
fn a_secret_with_which_all_is_well_has_no_finding() {
    let inspection = judge(well());
    assert_eq!(inspection.findings, [], "{inspection:?}");
    assert_eq!(inspection.worst(), None);
    assert_eq!(inspection.inspected_at, "2027-01-15T08:00:00Z");
    assert_eq!(inspection.next_rotation.as_deref(), Some("2027-01-15T09:00:00Z"));
    let broker = inspection.broker.as_ref();
    assert_eq!(broker.and_then(|broker| broker.certificate_days), Some(21));
    assert!(inspection.users.iter().all(|user| user.owner == Owner::ThisSecret && user.tags.is_empty()));
    assert_eq!(inspection.connections_total, Some(0));
}

#[test]
fn a_certificate_that_ends_within_three_weeks_is_told() {
    for (left_ms, days, is_told) in
        [(21 * DAY_MS, 21, false), (21 * DAY_MS - 1, 20, true), (DAY_MS - 1, 0, true), (-1, -1, true)]
    {
        let inspection = with(|facts| {
            facts.broker =
                Some(BrokerSeen { certificate_ends_ms: Some(NOW + left_ms), ..BrokerSeen::default() });
        });
        let broker = inspection.broker.as_ref();
        assert_eq!(broker.and_then(|broker| broker.certificate_days), Some(days));
        assert_eq!(kinds(&inspection) == ["broker.certificate_ends"], is_told, "{days}");
    }
}

#[test]
fn a_receipt_that_does_not_follow_is_told_once_it_is_late() {
    let route = |delivered: Option<&str>| -> Tags {
        let tags = [(Tags::NAMESPACE, Some("shop")), (Tags::DELIVERED, delivered)];
        tags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
    };
    for (delivered, created_ago, rotates, is_current, expected) in [
        (Some("two"), HOUR, true, true, &[][..]),
        (Some("one"), HOUR, true, false, &["delivery.undelivered"]),
        (None, HOUR, true, false, &["delivery.undelivered"]),
        (Some("one"), 60_000, true, false, &[]),
        (Some("one"), HOUR, false, false, &[]),
    ] {
        let inspection = with(|facts| {
            (facts.tags, facts.rotation_enabled) = (route(delivered), rotates);
            facts.versions[0].created_at_ms = Some(NOW - created_ago);
        });
        assert_eq!(kinds(&inspection), expected, "{delivered:?} {created_ago}");
        let delivery = inspection.delivery.as_ref();
        assert_eq!(delivery.map(|delivery| delivery.current), Some(is_current));
        assert_eq!(delivery.map(|delivery| delivery.namespace.as_str()), Some("shop"));
    }
}

#[test]
fn the_worst_comes_first_and_nothing_is_told_twice() {
    let inspection = with(|facts| {
        let twice = found(Kind::AdminSecretUnreadable, "no admin");
        facts.problems = vec![
            found(Kind::BrokerUnreachable, "one question"),
            twice.clone(),
            twice,
            found(Kind::BrokerUnreachable, "another question"),
        ];
        refuse(facts, 0, Credentials::Current);
    });
    let expected = ["current.login_refused", "admin.secret_unreadable", "broker.unreachable"];
    assert_eq!(kinds(&inspection), expected);
    assert_eq!(inspection.worst(), Some(Severity::Critical));
}

#[test]
fn a_secret_of_which_nothing_could_be_read_is_still_an_answer() {
    let inspection = with(|facts| {
        (facts.versions, facts.users, facts.broker) = (Vec::new(), Vec::new(), None);
        facts.strategy = None;
        facts.problems = vec![found(Kind::SecretNotFound, "no current value")];
    });
    assert_eq!(kinds(&inspection), ["secret.not_found"]);
    assert_eq!((inspection.connections_total, inspection.strategy), (None, None));
}

#[test]
fn a_pending_version_without_a_value_may_get_one_during_the_look() {
    let waits = |created_at_ms: Option<i64>, stages: &[&str]| {
        let mut facts = well();
        let mut version = seen("three", AWSPENDING, "payment", NOW);
        version.created_at_ms = created_at_ms;
        version.stages = stages.iter().map(|stage| (*stage).to_owned()).collect();
        facts.versions.push(version);
        awaits_a_value(&facts)
    };
    assert!(waits(None, &[AWSPENDING]));
    assert!(!waits(Some(NOW), &[AWSPENDING]));
    assert!(!waits(None, &[AWSCURRENT, AWSPENDING]), "the rotation has ended");
    assert!(!awaits_a_value(&well()));
}

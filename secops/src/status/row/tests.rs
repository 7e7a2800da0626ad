use super::*;
use crate::secret::example::{CURRENT, PREVIOUS, rotating, secret, with_tags};

const ROTATED: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(ROTATED + seconds).expect("a time")
}

fn incident(subject: &str, kind: Kind) -> Incident {
    Incident {
        id: "1".to_owned(),
        subject: subject.to_owned(),
        area: "rotation".to_owned(),
        kind: kind.as_str().to_owned(),
        severity: Some(kind.severity()),
        opened_at: at(0),
        last_failure_at: at(0),
        closed_at: None,
        failures: 1,
        message: String::new(),
    }
}

fn kinds(row: &Row) -> Vec<&str> {
    row.needs.iter().map(|need| need.kind.as_str()).collect()
}

#[test]
fn what_needs_a_person_is_seen_from_the_labels_the_tags_and_the_incidents() {
    let routed = |delivered: &str| with_tags("a", &[(Tags::NAMESPACE, "shop"), (Tags::DELIVERED, delivered)]);
    let never = Secret { last_rotated: None, ..secret("a") };
    let empty = Secret { versions: Vec::new(), ..secret("a") };
    let by_hand = Secret { rotation_enabled: false, ..routed(PREVIOUS) };
    for (what, secret, seconds, expected) in [
        ("in order", secret("a"), 60, &[][..]),
        ("delivered", routed(CURRENT), 3_600, &[]),
        ("on its way", routed(PREVIOUS), 60, &[]),
        ("undelivered", routed(PREVIOUS), 3_600, &["delivery.undelivered"]),
        ("no receipt is written", by_hand, 3_600, &[]),
        ("late", secret("a"), 2_000_000 + 90_000, &["secret.overdue"]),
        ("not late yet", secret("a"), 2_000_000 + 3_600, &[]),
        ("never", never, 60, &["rotation.never_succeeded"]),
        ("no value", empty, 60, &["secret.not_found"]),
    ] {
        assert_eq!(kinds(&Row::of(&secret, &[], None, at(seconds))), expected, "{what}");
    }
    let one = secret("a");
    let open = [incident(&one.arn, Kind::BrokerUnreachable), incident("other", Kind::SecretInvalid)];
    assert_eq!(kinds(&Row::of(&one, &open, None, at(60))), ["broker.unreachable"]);
}

#[test]
fn the_worst_is_first_and_a_refused_login_is_critical() {
    let secrets = [secret("c-fine"), secret("b-warning"), secret("a-fine")];
    let open = [incident(&secrets[1].arn, Kind::BrokerUnreachable)];
    let mut rows: Vec<Row> = secrets.iter().map(|one| Row::of(one, &open, None, at(60))).collect();
    let check = LoginCheck {
        schema: contract::LOGIN_CHECK_SCHEMA.to_owned(),
        secret_arn: secrets[0].arn.clone(),
        version_id: CURRENT.to_owned(),
        user: Some("payment_clone".to_owned()),
        login: Login::Refused,
        problem: None,
        working_version_id: None,
    };
    rows[0].learn(Some(check));
    assert_eq!(rows[0].user.as_deref(), Some("payment_clone"));
    rows.sort_by(|one, other| one.order().cmp(&other.order()));
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["c-fine", "b-warning", "a-fine"]);
}

#[test]
fn the_labels_become_one_word() {
    let deleted = Secret { deleted_at: Some(at(0)), ..secret("a") };
    let by_hand = Secret { rotation_enabled: false, ..secret("a") };
    for (secret, expected) in
        [(secret("a"), "at rest"), (rotating("a"), "rotating"), (deleted, "deleted"), (by_hand, "by hand")]
    {
        assert_eq!(Row::of(&secret, &[], None, at(0)).stages, expected);
    }
}

use contract::{Area, Kind};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Effect, Record, Sender, What};
use crate::message::{Detail, Failure, Success};

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
}

fn failure(id: &str, kind: Kind, seconds: i64) -> Failure {
    Failure {
        id: id.to_owned(),
        area: Area::Rotation,
        subject: SECRET.to_owned(),
        kind,
        occurred_at: at(seconds),
        detail: Detail { message: format!("{kind} {id}"), ..Detail::default() },
        delivery: None,
        waited: false,
    }
}

fn success(id: &str, seconds: i64) -> Success {
    Success {
        id: id.to_owned(),
        area: Area::Rotation,
        subject: SECRET.to_owned(),
        at: at(seconds),
        of_test: false,
    }
}

fn record() -> Record {
    Record::new(SECRET.to_owned(), Area::Rotation)
}

enum Step {
    Fail(&'static str, Kind, i64),
    Succeed(&'static str, i64),
    Sweep(i64),
}
use Kind::CurrentLoginRefused as Critical;
use Kind::{AdminLoginRefused as Admin, BrokerUnreachable as Broker, RotationFailed as Generic};
use Step::{Fail, Succeed, Sweep};

const DAY: i64 = 86_400;

/// Kind, number of failures, and whether it is open.
type State = Option<(Kind, u64, bool)>;
type Case<'a> = (&'a str, &'a [Step], &'a [What], State);

/// The announcements, in order, after all steps.
fn run(steps: &[Step]) -> (Vec<What>, State) {
    let mut record = record();
    for step in steps {
        match step {
            Fail(id, kind, seconds) => record.fail(&failure(id, *kind, *seconds), at(*seconds)),
            Succeed(id, seconds) => record.succeed(&success(id, *seconds), at(*seconds)),
            Sweep(seconds) => record.look(false, at(*seconds)),
        };
    }
    let told = record.unsent.iter().map(|announcement| announcement.what).collect();
    (told, record.incident.map(|incident| (incident.kind, incident.failures, incident.closed_at.is_none())))
}

#[test]
fn an_incident_is_reported_when_it_opens_changes_stays_open_and_closes_and_not_otherwise() {
    use What::{Changed, Closed, Opened, StaysOpen};
    let cases: &[Case<'_>] = &[
        ("one failure", &[Fail("a", Admin, 0)], &[Opened], Some((Admin, 1, true))),
        (
            "three failures are one alert",
            &[Fail("a", Admin, 0), Fail("b", Admin, 60), Fail("c", Admin, 120)],
            &[Opened],
            Some((Admin, 3, true)),
        ),
        (
            "a repeated message",
            &[Fail("a", Admin, 0), Fail("a", Admin, 0)],
            &[Opened],
            Some((Admin, 1, true)),
        ),
        (
            "a generic failure never replaces a specific one, nor counts twice",
            &[Fail("a", Admin, 0), Fail("b", Generic, 1)],
            &[Opened],
            Some((Admin, 1, true)),
        ),
        (
            "a specific failure replaces a generic one, also an older one",
            &[Fail("a", Generic, 5), Fail("b", Admin, 4)],
            &[Opened, Changed],
            Some((Admin, 1, true)),
        ),
        (
            "two kinds in turn cause one alert each",
            &[Fail("a", Admin, 0), Fail("b", Broker, 60), Fail("c", Admin, 120), Fail("d", Broker, 180)],
            &[Opened, Changed],
            Some((Broker, 4, true)),
        ),
        (
            "an older failure of another kind changes nothing",
            &[Fail("a", Admin, 60), Fail("b", Broker, 0)],
            &[Opened],
            Some((Admin, 2, true)),
        ),
        (
            "a success closes it",
            &[Fail("a", Admin, 0), Succeed("b", 60)],
            &[Opened, Closed],
            Some((Admin, 1, false)),
        ),
        (
            "a success of the same second closes it",
            &[Fail("a", Admin, 0), Succeed("b", 0)],
            &[Opened, Closed],
            Some((Admin, 1, false)),
        ),
        (
            "a success before the last failure does not close it",
            &[Fail("a", Admin, 60), Succeed("b", 30)],
            &[Opened],
            Some((Admin, 1, true)),
        ),
        (
            "a failure that was over when it came opens nothing",
            &[Succeed("a", 60), Fail("b", Admin, 30)],
            &[],
            None,
        ),
        (
            "a late failure of a closed incident opens nothing",
            &[Fail("a", Admin, 0), Succeed("b", 60), Fail("c", Broker, 30)],
            &[Opened, Closed],
            Some((Admin, 1, false)),
        ),
        (
            "a failure after the end is a new incident",
            &[Fail("a", Admin, 0), Succeed("b", 60), Fail("c", Admin, 90)],
            &[Opened, Closed, Opened],
            Some((Admin, 1, true)),
        ),
        (
            "an incident that stays open causes one more alert after a day",
            &[Fail("a", Admin, 0), Sweep(DAY - 1), Sweep(DAY), Sweep(2 * DAY), Fail("b", Admin, 3 * DAY)],
            &[Opened, StaysOpen],
            Some((Admin, 2, true)),
        ),
        (
            "a critical failure that had ended when it came is reported with its end",
            &[Succeed("a", 60), Fail("b", Critical, 30)],
            &[Opened, Closed],
            Some((Critical, 1, false)),
        ),
        (
            "an older critical failure of an open incident is reported",
            &[Fail("a", Broker, 60), Fail("b", Critical, 0)],
            &[Opened, Changed],
            Some((Critical, 2, true)),
        ),
        (
            "a critical failure is reported once in an incident",
            &[Fail("a", Critical, 60), Fail("b", Critical, 0), Fail("c", Critical, 90)],
            &[Opened],
            Some((Critical, 3, true)),
        ),
        ("a success without an incident is quiet", &[Succeed("a", 0), Sweep(DAY)], &[], None),
    ];
    for (case, steps, told, state) in cases {
        assert_eq!(run(steps), (told.to_vec(), *state), "{case}");
    }
}

#[test]
fn an_event_that_a_function_refused_hides_no_crash_of_it_before_or_after() {
    let refused = |id: &str, seconds| {
        let mut failure = failure(id, Kind::SecretNotFound, seconds);
        failure.area = Area::Function;
        failure.detail.secret = Some("rabbitmq/mistyped".to_owned());
        failure
    };
    let crashed =
        |id: &str, seconds| Failure { area: Area::Function, ..failure(id, Kind::FunctionCrashed, seconds) };
    let function = || Record::new("rotation-mq".to_owned(), Area::Function);

    let mut before = function();
    assert_eq!(before.fail(&refused("a", 0), at(0)), Effect::Opened);
    assert_eq!(before.fail(&crashed("b", 60), at(60)), Effect::Changed);
    assert_eq!(before.open_incident().map(|incident| incident.kind), Some(Kind::FunctionCrashed));

    let mut after = function();
    assert_eq!(after.fail(&crashed("a", 0), at(0)), Effect::Opened);
    assert_eq!(after.fail(&refused("b", 60), at(60)), Effect::Repeated);
    let incident = after.open_incident();
    assert_eq!(incident.map(|incident| (incident.kind, incident.failures)), Some((Kind::FunctionCrashed, 2)));
}

#[test]
fn an_incident_that_no_success_closes_ends_without_an_alert_after_a_day_without_failures() {
    let mut record = Record::new("rotation-mq".to_owned(), Area::Function);
    record.fail(&Failure { area: Area::Function, ..failure("a", Kind::ConfigurationInvalid, 0) }, at(0));
    record.fail(&Failure { area: Area::Function, ..failure("b", Kind::ConfigurationInvalid, 100) }, at(100));
    assert_eq!(record.look(false, at(DAY)), Effect::Nothing);
    assert_eq!(record.look(false, at(DAY + 100)), Effect::Closed);
    let told: Vec<_> = record.unsent.iter().map(|each| (each.what, each.alert_due, each.event_due)).collect();
    assert_eq!(told, [(What::Opened, true, true), (What::Quiet, false, true)]);
}

#[test]
fn an_announcement_is_kept_until_all_of_it_is_sent_and_left_to_its_sender_until_that_ends() {
    let mut record = record();
    record.fail(&failure("a", Admin, 0), at(0));
    let by = |id: &str, until: i64| Sender { id: id.to_owned(), until: at(until) };
    let mut announcement =
        record.take_over(at(0), &by("one", 60)).pop().unwrap_or_else(|| unreachable!("it was opened"));
    assert!(record.take_over(at(59), &by("other", 119)).is_empty(), "its sender may still be at it");
    assert_eq!(record.clone().take_over(at(1), &by("one", 60)).len(), 1, "the answer to its write was lost");
    assert_eq!(record.clone().take_over(at(60), &by("other", 120)).len(), 1, "its sender is gone");
    announcement.alert_due = false;
    record.sent(&announcement, at(10));
    let taken = record.take_over(at(10), &by("other", 70));
    assert_eq!(taken.iter().map(|each| each.alert_due).collect::<Vec<_>>(), [false]);
    assert!(record.take_over(at(20), &by("third", 80)).is_empty());
    announcement.event_due = false;
    record.sent(&announcement, at(20));
    assert!(record.unsent.is_empty());
}

#[test]
fn a_critical_failure_that_was_over_before_it_arrived_is_reported_once() {
    let mut record = record();
    record.succeed(&success("a", 60), at(60));
    assert_eq!(record.fail(&failure("b", Admin, 30), at(61)), Effect::Over);
    assert_eq!(record.fail(&failure("c", Critical, 30), at(61)), Effect::Late);
    assert_eq!(record.fail(&failure("c", Critical, 30), at(62)), Effect::Nothing);
}

/// What a record was like, and how it became so.
type Poison<'a> = (&'a str, fn(&mut Record));
/// Far in the future.
const FUTURE: i64 = 200_000_000_000;

#[test]
fn a_record_with_a_time_that_has_not_come_heals_and_hides_no_failure() {
    let now = at(1_000);
    let healed = |change: fn(&mut Record)| {
        let mut record = record();
        change(&mut record);
        let changed = record.heal(now);
        (record, changed)
    };
    let poisons: [Poison<'_>; 4] = [
        ("a success ahead", |record| {
            record.succeed(&success("s", FUTURE), at(0));
        }),
        ("an incident that ended ahead", |record| {
            record.fail(&failure("f", Broker, FUTURE), at(0));
            record.succeed(&success("s", FUTURE), at(0));
        }),
        ("a failure ahead", |record| {
            record.fail(&failure("f", Broker, FUTURE), at(0));
        }),
        ("a failure ahead of an older one", |record| {
            record.fail(&failure("e", Broker, 0), at(0));
            record.fail(&failure("f", Broker, FUTURE), at(0));
        }),
    ];
    for (case, poison) in poisons {
        let (record, changed) = healed(poison);
        assert!(changed, "{case}");
        let mut failed = record.clone();
        failed.unsent.clear();
        failed.fail(&failure("new", Admin, 990), at(1_001));
        let told: Vec<What> = failed.unsent.iter().map(|announcement| announcement.what).collect();
        assert!(matches!(told[..], [What::Opened | What::Changed]), "{case}: {told:?}");
        let mut mended = record.clone();
        mended.succeed(&success("end", 999), at(1_001));
        assert!(mended.open_incident().is_none(), "{case}: a success of now closes it");
        mended.fail(&failure("again", Admin, 1_002), at(1_002));
        assert!(mended.open_incident().is_some(), "{case}");
        // A healed record does not change again.
        assert!(!record.clone().heal(at(1_100)), "{case}");
    }
    let (sound, changed) = healed(|record| {
        record.fail(&failure("a", Broker, 900), at(900));
        record.succeed(&success("b", 1_200), at(1_000));
    });
    assert!(!changed, "a clock that is a little ahead is no fault: {sound:?}");
}

#[test]
fn an_announcement_whose_sender_ends_too_far_in_the_future_is_free_again() {
    let mut record = record();
    record.fail(&failure("a", Admin, 0), at(0));
    record.take_over(at(0), &Sender { id: "one".to_owned(), until: at(FUTURE) });
    record.heal(at(10));
    assert_eq!(record.take_over(at(10), &Sender { id: "two".to_owned(), until: at(70) }).len(), 1);
}

#[test]
fn an_incident_of_a_secret_that_is_gone_ends_quietly_after_a_day_without_failures() {
    let told = |record: &Record| record.unsent.iter().map(|each| each.what).collect::<Vec<_>>();
    let mut record = record();
    record.fail(&failure("a", Admin, 0), at(0));
    assert!(!record.asks_for_its_subject(at(DAY - 1)), "nobody is asked within a day");
    assert!(record.asks_for_its_subject(at(DAY)));
    record.fail(&failure("b", Admin, 100), at(100));
    assert_eq!(record.look(true, at(DAY)), Effect::Nothing, "it failed within a day");
    assert_eq!(record.look(true, at(DAY + 100)), Effect::Closed);
    assert_eq!(told(&record), [What::Opened, What::Quiet]);
    assert_eq!(record.fail(&failure("c", Admin, DAY), at(DAY + 101)), Effect::Opened, "late, and not over");

    let mut reminded = Record::new(SECRET.to_owned(), Area::Rotation);
    reminded.fail(&failure("a", Admin, 0), at(0));
    assert_eq!(reminded.look(false, at(DAY)), Effect::StaysOpen);
    assert_eq!(reminded.look(true, at(2 * DAY)), Effect::Closed, "also one that was reported to stay open");
}

#[test]
fn an_alarm_that_the_stack_does_not_have_ends_quietly_after_a_day_and_its_own_stays_open_and_is_reported_again()
 {
    for (is_gone, expected) in [(true, Effect::Closed), (false, Effect::StaysOpen)] {
        let mut record = Record::new("rotation-foo".to_owned(), Area::Alarm);
        record.fail(&failure("a", Kind::AlarmRaised, 0), at(0));
        assert!(record.asks_for_its_subject(at(DAY)));
        assert_eq!(record.look(is_gone, at(DAY)), expected);
    }
}

#[test]
fn sessions_that_outlive_rotations_are_one_incident_until_two_rotations_after_the_last_report() {
    let report = |id: &str, seconds: i64| Failure {
        area: Area::Connections,
        ..failure(id, Kind::ConnectionsOutlived, seconds)
    };
    let mut record = Record::new(SECRET.to_owned(), Area::Connections);
    assert_eq!(record.succeed(&success("before", -10), at(-10)), Effect::Nothing, "nothing is written");
    assert_eq!(record.fail(&report("a", 0), at(0)), Effect::Opened);
    assert_eq!(record.succeed(&success("same", 20), at(20)), Effect::Nothing, "it reported them itself");
    assert_eq!(record.succeed(&success("hour", 3_600), at(3_600)), Effect::Nothing);
    assert_eq!(
        record.fail(&report("late", 10), at(3_601)),
        Effect::Repeated,
        "a success does not hide a report"
    );
    assert_eq!(record.fail(&report("b", 2 * DAY), at(2 * DAY)), Effect::Repeated);
    assert_eq!(record.succeed(&success("same again", 2 * DAY + 30), at(2 * DAY + 30)), Effect::Nothing);
    assert_eq!(record.succeed(&success("other", 4 * DAY), at(4 * DAY)), Effect::Noted, "the other user's");
    assert_eq!(
        record.succeed(&success("other", 4 * DAY), at(4 * DAY)),
        Effect::Nothing,
        "a repeated message"
    );
    assert_eq!(record.fail(&report("c", 5 * DAY), at(5 * DAY)), Effect::Repeated);
    assert_eq!(record.succeed(&success("its other", 6 * DAY), at(6 * DAY)), Effect::Noted);
    assert_eq!(record.succeed(&success("end", 7 * DAY), at(7 * DAY)), Effect::Closed);
    assert_eq!(record.succeed(&success("next", 8 * DAY), at(8 * DAY)), Effect::Nothing);
    assert_eq!(record.fail(&report("new", 9 * DAY), at(9 * DAY)), Effect::Opened);
}

fn arbitrary_step() -> impl Strategy<Value = (bool, Kind, i64)> {
    let kinds = prop::sample::select(vec![Admin, Broker, Generic, Critical]);
    (any::<bool>(), kinds, 0..200_000_i64)
}

proptest! {
    #[test]
    fn opened_and_closed_alternate_whatever_comes_in_whatever_order(
        steps in prop::collection::vec(arbitrary_step(), 0..60),
    ) {
        let mut record = record();
        let mut open = false;
        for (number, (fails, kind, seconds)) in steps.into_iter().enumerate() {
            let id = number.to_string();
            let effect = if fails {
                record.fail(&failure(&id, kind, seconds), at(seconds))
            } else {
                record.succeed(&success(&id, seconds), at(seconds))
            };
            match effect {
                Effect::Opened => { prop_assert!(!open); open = true; }
                Effect::Closed => { prop_assert!(open); open = false; }
                Effect::Late => prop_assert!(!open),
                Effect::Changed | Effect::Repeated => prop_assert!(open),
                _ => {}
            }
            prop_assert_eq!(record.open_incident().is_some(), open);
        }
    }

    #[test]
    fn a_failure_newer_than_every_success_is_never_hidden(
        successes in prop::collection::vec(0..1_000_i64, 0..10),
        before in prop::bool::ANY,
    ) {
        let mut record = record();
        let last = failure("last", Admin, 1_000);
        if before { record.fail(&last, at(1_000)); }
        for (number, seconds) in successes.iter().enumerate() {
            record.succeed(&success(&number.to_string(), *seconds), at(*seconds));
        }
        if !before { record.fail(&last, at(1_000)); }
        prop_assert!(record.open_incident().is_some());
    }
}

#[test]
fn the_test_of_a_schedule_ends_a_failed_test_and_no_failed_rotation() {
    let of_test = |id: &str, seconds| Success { of_test: true, ..success(id, seconds) };
    for (test_only, kind, expected) in [
        (true, Kind::RotationTestFailed, Effect::Closed),
        (true, Kind::AdminLoginRefused, Effect::Closed),
        (false, Kind::AdminLoginRefused, Effect::Nothing),
    ] {
        let mut record = Record::new("arn".to_owned(), Area::Rotation);
        let mut failed = failure("a", kind, 10);
        failed.detail.test_only = test_only;
        record.fail(&failed, at(10));
        assert_eq!(
            record.succeed(&of_test("early", 5), at(11)),
            Effect::Nothing,
            "an older test ends nothing"
        );
        assert_eq!(record.succeed(&of_test("b", 20), at(21)), expected, "{kind} {test_only}");
        assert_eq!(record.succeeded_at, None, "a test is no rotation");
    }
    // A failed rotation before or after a failed test, also if somebody who knows less reports it.
    for (first, second) in [
        ((false, Kind::VhostMissing), (true, Kind::VhostMissing)),
        ((true, Kind::VhostMissing), (false, Kind::VhostMissing)),
        ((true, Kind::VhostMissing), (false, Kind::RotationFailed)),
        ((false, Kind::RotationFailed), (true, Kind::RotationTestFailed)),
    ] {
        let mut record = Record::new("arn".to_owned(), Area::Rotation);
        for (seconds, (test_only, kind)) in [(10, first), (20, second)] {
            let mut failed = failure(if seconds == 10 { "a" } else { "b" }, kind, seconds);
            failed.detail.test_only = test_only;
            record.fail(&failed, at(seconds));
        }
        assert_eq!(record.succeed(&of_test("c", 30), at(31)), Effect::Nothing, "{first:?} {second:?}");
    }
}

#[test]
fn who_stored_a_refused_value_is_told_once_when_it_becomes_known() {
    use What::{Explained, Opened};
    let mut record = Record::new(SECRET.to_owned(), Area::Delivery);
    let held = |who: Option<&str>| {
        let mut failure = failure("a", Kind::DeliveryHeldBack, 0);
        failure.detail.version = Some("v2".to_owned());
        failure.detail.stored_by = who.map(str::to_owned);
        failure
    };
    assert_eq!(record.explain("v2", "ann", at(0)), Effect::Nothing, "there is no incident");
    record.fail(&held(None), at(0));
    assert_eq!(record.explain("v1", "ann", at(1)), Effect::Nothing, "another version");
    assert_eq!(record.explain("v2", "ann", at(1)), Effect::Explained);
    assert_eq!(record.explain("v2", "bob", at(2)), Effect::Nothing, "it is known");
    let told: Vec<What> = record.unsent.iter().map(|announcement| announcement.what).collect();
    assert_eq!(told, [Opened, Explained]);
    let who = record.open_incident().and_then(|incident| incident.detail.stored_by.clone());
    assert_eq!(who.as_deref(), Some("ann"));

    let mut known = Record::new(SECRET.to_owned(), Area::Delivery);
    known.fail(&held(Some("ann")), at(0));
    assert_eq!(known.explain("v2", "ann", at(1)), Effect::Nothing, "the alert has named ann");
}

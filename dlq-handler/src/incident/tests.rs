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
    Success { id: id.to_owned(), area: Area::Rotation, subject: SECRET.to_owned(), at: at(seconds) }
}

fn record() -> Record {
    Record::new(SECRET.to_owned(), Area::Rotation)
}

enum Step {
    Fail(&'static str, Kind, i64),
    Succeed(&'static str, i64),
    Sweep(i64),
}
use Kind::{AdminLoginRefused as Admin, BrokerUnreachable as Broker, RotationFailed as Generic};
use Step::{Fail, Succeed, Sweep};

const DAY: i64 = 86_400;

/// Kind, number of failures, and whether it is open.
type State = Option<(Kind, u64, bool)>;
type Case<'a> = (&'a str, &'a [Step], &'a [What], State);

/// What is told, in order, after all steps.
fn run(steps: &[Step]) -> (Vec<What>, State) {
    let mut record = record();
    for step in steps {
        match step {
            Fail(id, kind, seconds) => record.fail(&failure(id, *kind, *seconds), at(*seconds)),
            Succeed(id, seconds) => record.succeed(&success(id, *seconds), at(*seconds)),
            Sweep(seconds) => record.sweep(at(*seconds)),
        };
    }
    let told = record.unsent.iter().map(|announcement| announcement.what).collect();
    (told, record.incident.map(|incident| (incident.kind, incident.failures, incident.closed_at.is_none())))
}

#[test]
fn an_incident_is_told_when_it_opens_changes_stays_and_closes_and_not_otherwise() {
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
            "two kinds in turn are told once each",
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
            "an incident that stays open is told once more after a day, once",
            &[Fail("a", Admin, 0), Sweep(DAY - 1), Sweep(DAY), Sweep(2 * DAY), Fail("b", Admin, 3 * DAY)],
            &[Opened, StaysOpen],
            Some((Admin, 2, true)),
        ),
        ("a success without an incident is quiet", &[Succeed("a", 0), Sweep(DAY)], &[], None),
    ];
    for (case, steps, told, state) in cases {
        assert_eq!(run(steps), (told.to_vec(), *state), "{case}");
    }
}

#[test]
fn what_no_success_closes_ends_without_an_alert_when_nothing_was_heard_for_a_day() {
    let mut record = Record::new("rotation-mq".to_owned(), Area::Function);
    record.fail(&Failure { area: Area::Function, ..failure("a", Kind::ConfigurationInvalid, 0) }, at(0));
    record.fail(&Failure { area: Area::Function, ..failure("b", Kind::ConfigurationInvalid, 100) }, at(100));
    assert_eq!(record.sweep(at(DAY)), Effect::Nothing);
    assert_eq!(record.sweep(at(DAY + 100)), Effect::Closed);
    let told: Vec<_> = record.unsent.iter().map(|each| (each.what, each.alert_due, each.event_due)).collect();
    assert_eq!(told, [(What::Opened, true, true), (What::Quiet, false, true)]);
}

#[test]
fn an_announcement_is_kept_until_everybody_was_told_and_left_to_its_sender_meanwhile() {
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

fn arbitrary_step() -> impl Strategy<Value = (bool, Kind, i64)> {
    let kinds = prop::sample::select(vec![Admin, Broker, Generic]);
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

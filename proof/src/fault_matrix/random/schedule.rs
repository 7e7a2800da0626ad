//! From a seed to a schedule. Pure: the same seed and the same recorded calls make the same schedule, in whatever order the
//! calls were recorded.

use hostile::Random;

use super::part::{Action, Outage, Part, What};
use crate::fault_matrix::fault::Fault;
use crate::fault_matrix::hypothesis::Hypothesis;
use crate::fault_matrix::place::Place;
use crate::fault_matrix::point::{Point, Turn};

/// The most attempts with a fault. SQS gives a message up after five attempts of dlq-handler, and each attempt here may take
/// one of them.
const ATTEMPTS: usize = 3;
/// The most faults in one attempt.
const FAULTS: usize = 3;
const ACTIONS: [Action; 5] =
    [Action::RemovesPending, Action::Delivers, Action::RollsBack, Action::Revokes, Action::Rotates];
/// A restart of a part that all stands share takes some seconds, and everything else waits for it.
const BROKER_ONCE_IN: usize = 12;
const OPERATOR_ONCE_IN: usize = 6;
const OUTAGE_ONCE_IN: usize = 4;
const ACTION_ONCE_IN: usize = 4;

/// What happens during a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its seed.
    pub seed: u64,
    /// The kind of the rotation: the first one of a secret, or a later one.
    pub turn: Turn,
    /// What Secrets Manager does after a failed attempt.
    pub hypothesis: Hypothesis,
    /// How many attempts the parts have. Attempts without a part follow.
    pub attempts: usize,
    /// The parts, each with its number in the whole schedule.
    pub parts: Vec<(usize, Part)>,
}

impl Schedule {
    /// The schedule of a seed.
    #[must_use]
    pub fn of(seed: u64, points: &[Point]) -> Self {
        let mut random = Random::of(seed, "schedule", 0);
        let turn = if random.once_in(5) { Turn::First } else { Turn::Later };
        let hypothesis = random.pick(&Hypothesis::ALL).copied().unwrap_or(Hypothesis::SameToken);
        let attempts = 1 + random.below(ATTEMPTS);
        // The calls of the handler while an incident opens and closes are made in any rotation that fails.
        let possible: Vec<&Point> = points
            .iter()
            .filter(|point| point.turn == turn || point.turn == Turn::Later || is_a_report(point))
            .collect();
        let mut parts = Vec::new();
        let (mut drawn, mut reports) = (0, false);
        for attempt in 0..attempts {
            for _ in 0..=random.below(FAULTS) {
                drawn += 1;
                let Some(point) = draw(seed, drawn, &possible) else { continue };
                let fault = fault(point.place, &mut Random::of(seed, "fault", drawn));
                parts.push(Part { attempt, what: What::Fault { point: point.clone(), fault } });
            }
            if random.once_in(OUTAGE_ONCE_IN) {
                let after_ms = u16::try_from(random.below(4_000)).unwrap_or_default();
                parts.push(Part { attempt, what: What::Meanwhile { after_ms, outage: outage(&mut random) } });
            }
            if random.once_in(ACTION_ONCE_IN) {
                let action = random.pick(&ACTIONS).copied().unwrap_or(Action::Delivers);
                parts.push(Part { attempt, what: What::Afterwards(action) });
            }
        }
        // Reports fail in one attempt only: SQS would give a message up that fails in each of them.
        let mut in_attempt = None;
        parts.retain(|part| {
            let is_first = !reports || in_attempt == Some(part.attempt);
            if part.hits_reports() && is_first {
                (reports, in_attempt) = (true, Some(part.attempt));
            }
            !part.hits_reports() || is_first
        });
        Self { seed, turn, hypothesis, attempts, parts: parts.into_iter().enumerate().collect() }
    }

    /// The same schedule with only these parts.
    #[must_use]
    pub fn only(&self, numbers: &[usize]) -> Self {
        let mut schedule = self.clone();
        schedule.parts.retain(|(number, _)| numbers.contains(number));
        schedule
    }

    /// The numbers of its parts.
    #[must_use]
    pub fn numbers(&self) -> Vec<usize> {
        self.parts.iter().map(|(number, _)| *number).collect()
    }

    /// The parts of an attempt.
    pub fn of_attempt(&self, attempt: usize) -> impl Iterator<Item = &Part> {
        self.parts.iter().map(|(_, part)| part).filter(move |part| part.attempt == attempt)
    }

    /// Whether it restarts a part that all stands share. Then it must run alone.
    #[must_use]
    pub fn restarts_a_shared_part(&self) -> bool {
        let is_it = |part: &Part| match part.what {
            What::Meanwhile { outage, .. } => matches!(outage, Outage::Broker | Outage::Operator),
            What::Fault { .. } | What::Afterwards(_) => false,
        };
        self.parts.iter().any(|(_, part)| is_it(part))
    }

    /// The schedule in words, one line for each part.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let turn = if self.turn == Turn::First { "first" } else { "later" };
        let head = format!("a {turn} rotation, hypothesis {}", self.hypothesis);
        let parts = self.parts.iter().map(|(number, part)| format!("{number}: {part}"));
        std::iter::once(head).chain(parts).collect()
    }
}

fn is_a_report(point: &Point) -> bool {
    matches!(point.turn, Turn::Failing | Turn::Mending)
}

/// The point of a draw, by the names of the points: parallel calls are recorded in another order each time, and sometimes one
/// more or less.
fn draw<'a>(seed: u64, number: u64, possible: &[&'a Point]) -> Option<&'a Point> {
    possible.iter().copied().min_by_key(|point| Random::of(seed, &point.to_string(), number).number())
}

fn fault(place: Place, random: &mut Random) -> Fault {
    let faults = Fault::of(place);
    if place != Place::Amqps && random.once_in(6) {
        return Fault::Slow(u16::try_from(50 + random.below(1_400)).unwrap_or(50));
    }
    random.pick(&faults).copied().unwrap_or(Fault::Dropped)
}

fn outage(random: &mut Random) -> Outage {
    let ms = u16::try_from(200 + random.below(2_800)).unwrap_or(200);
    if random.once_in(BROKER_ONCE_IN) {
        return Outage::Broker;
    }
    if random.once_in(OPERATOR_ONCE_IN) {
        return Outage::Operator;
    }
    if random.once_in(2) { Outage::Table(ms) } else { Outage::Endpoint(ms) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fault_matrix::place::Function;

    fn points() -> Vec<Point> {
        let point = |turn, place, call: &str| Point {
            turn,
            place,
            step: "setSecret".to_owned(),
            call: call.to_owned(),
            nth: 1,
        };
        let later = Place::ALL.iter().map(|place| point(Turn::Later, *place, "call"));
        later
            .chain([
                point(Turn::First, Place::Management, "GET"),
                point(Turn::Failing, Place::Alerts, "Publish"),
            ])
            .collect()
    }

    #[test]
    fn a_seed_is_always_the_same_schedule_and_seeds_differ() {
        let all: BTreeSet<String> =
            (0..200).map(|seed| Schedule::of(seed, &points()).words().join("\n")).collect();
        assert!(all.len() > 190, "{}", all.len());
        let reversed: Vec<Point> = points().into_iter().rev().collect();
        for seed in 0..200 {
            assert_eq!(Schedule::of(seed, &points()), Schedule::of(seed, &reversed));
        }
    }

    #[test]
    fn a_call_that_is_recorded_only_sometimes_changes_few_schedules() {
        let fewer = &points()[1..];
        let changed = (0..200).filter(|seed| Schedule::of(*seed, &points()) != Schedule::of(*seed, fewer));
        assert!(changed.count() < 100);
    }

    #[test]
    fn schedules_have_every_kind_of_part_and_reports_fail_in_one_attempt_only() {
        let schedules: Vec<Schedule> = (0..2_000).map(|seed| Schedule::of(seed, &points())).collect();
        let words = schedules.iter().flat_map(Schedule::words).collect::<Vec<_>>().join("\n");
        for expected in [
            "slow by",
            "killed after",
            "the broker restarts",
            "the operator restarts",
            "the table is away",
            "endpoint is away",
            "removes AWSPENDING",
            "requests a delivery",
            "moves AWSCURRENT back",
            "revokes the version before",
            "starts a rotation",
            "a first rotation",
            "late-write",
        ] {
            assert!(words.contains(expected), "no schedule has: {expected}");
        }
        for schedule in &schedules {
            let reports = schedule.parts.iter().filter(|(_, part)| part.hits_reports());
            let attempts: BTreeSet<usize> = reports.map(|(_, part)| part.attempt).collect();
            assert!(attempts.len() <= 1, "{:?}", schedule.words());
        }
        let of_the_handler = |part: &Part| match &part.what {
            What::Fault { point, .. } => point.place.function() == Function::DlqHandler,
            _ => false,
        };
        assert!(schedules.iter().any(|schedule| schedule.parts.iter().any(|(_, part)| of_the_handler(part))));
    }

    #[test]
    fn a_part_keeps_its_number_without_the_others() {
        let schedule =
            (0..).map(|seed| Schedule::of(seed, &points())).find(|one| one.parts.len() > 3).unwrap();
        let some = schedule.only(&[1, 3]);
        assert_eq!(some.numbers(), [1, 3]);
        assert_eq!(some.only(&[3]).parts[0].1, schedule.parts[3].1);
    }
}

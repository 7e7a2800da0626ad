//! Which secrets are inspected in this hour. Pure.

use std::collections::HashMap;

use contract::InspectionMemory;
use jiff::{SignedDuration, Timestamp};

use crate::watched::Secret;

/// The number of parts that the secrets are divided into, one for each hour of a day.
const PARTS: u64 = 24;
const HOUR_SECONDS: i64 = 3_600;
/// A secret is inspected once in its hour, also if the run is repeated. If it was caught up on in another hour, its hour still
/// counts after this time.
const RECENT: SignedDuration = SignedDuration::from_hours(12);
/// After this time, a run of the secret's hour was lost, or had no time for it.
const OVERDUE: SignedDuration = SignedDuration::from_hours(25);
/// A secret with a finding is inspected in each hour, so that its incident closes soon after the cause is fixed.
const AGAIN: SignedDuration = SignedDuration::from_mins(50);

/// The place of a secret among those that are due: whether it could not be inspected, whether it is of another hour, and when it
/// was inspected.
type Place = (bool, bool, Option<Timestamp>);

/// One secret whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The secret's ARN.
    pub arn: String,
    /// What is known of earlier inspections.
    pub memory: InspectionMemory,
}

/// The secrets that are due at `now`: first those of this hour, then those with a finding and those that are overdue. Among
/// them, those that have waited longest come first. Those that could not be inspected the last time come last: a broker that
/// does not answer takes the time of an inspection for each of its secrets, and the others must not wait for it.
#[must_use]
pub fn due(
    secrets: impl Iterator<Item = Secret>,
    mut memories: HashMap<String, InspectionMemory>,
    now: Timestamp,
) -> Vec<Turn> {
    let mut turns: Vec<(Place, Turn)> = secrets
        .filter_map(|secret| {
            let memory = memories.remove(&secret.arn).unwrap_or_default();
            let last = time(memory.inspected_at.as_deref());
            let waited = last.map(|last| now.duration_since(last));
            let is_of_this_hour =
                part(&secret.arn) == hour(now) && waited.is_none_or(|waited| waited >= RECENT);
            let is_open = !memory.findings.is_empty() || memory.failing_since.is_some();
            let is_again = is_open && waited.is_none_or(|waited| waited >= AGAIN);
            let is_overdue = waited.is_some_and(|waited| waited >= OVERDUE);
            let is_due = is_of_this_hour || is_again || is_overdue;
            let place = (memory.failing_since.is_some(), !is_of_this_hour, last);
            is_due.then_some((place, Turn { arn: secret.arn, memory }))
        })
        .collect();
    turns.sort_by(|one, other| (one.0, &one.1.arn).cmp(&(other.0, &other.1.arn)));
    turns.into_iter().map(|(_, turn)| turn).collect()
}

/// The secret with this name or ARN, whether it is due or not.
#[must_use]
pub fn named(
    secrets: impl Iterator<Item = Secret>,
    mut memories: HashMap<String, InspectionMemory>,
    wanted: &str,
) -> Vec<Turn> {
    let found = secrets.filter(|secret| secret.arn == wanted || secret.name == wanted);
    found
        .map(|secret| Turn { memory: memories.remove(&secret.arn).unwrap_or_default(), arn: secret.arn })
        .collect()
}

/// The hour of the day (UTC) in which the secret is inspected. It is the same in every run and in every version.
#[must_use]
pub fn part(arn: &str) -> u64 {
    // FNV-1a, 64 bits. <https://www.rfc-editor.org/rfc/rfc9923.html>
    let hash = arn.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The lowest bits of this hash depend on the lowest bits of the text alone.
    (hash >> 32) % PARTS
}

fn hour(now: Timestamp) -> u64 {
    u64::try_from(now.as_second().div_euclid(HOUR_SECONDS)).unwrap_or_default() % PARTS
}

pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 - 1_800_000_000 % 86_400 + hours * HOUR_SECONDS)
            .unwrap_or_default()
    }

    fn arn(number: usize) -> String {
        format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/service-{number}-AbCdEf")
    }

    fn inspected(arn: &str, at: Timestamp) -> InspectionMemory {
        InspectionMemory {
            secret_arn: arn.to_owned(),
            inspected_at: Some(at.to_string()),
            ..InspectionMemory::default()
        }
    }

    #[test]
    fn each_of_10_000_secrets_is_inspected_once_a_day_and_no_hour_has_many_more_than_others() {
        let mut memories: HashMap<String, InspectionMemory> = HashMap::new();
        let mut counts = Vec::new();
        for hours in 0..48 {
            let secrets = (0..10_000).map(|number| Secret::example(&arn(number)));
            let turns = due(secrets, memories.clone(), at(hours));
            counts.push(turns.len());
            for turn in turns {
                memories.insert(turn.arn.clone(), inspected(&turn.arn, at(hours)));
            }
            if hours == 23 {
                assert_eq!(memories.len(), 10_000);
            }
        }
        assert_eq!(counts.iter().sum::<usize>(), 20_000, "{counts:?}");
        let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
        assert!(least > Some(340) && most < Some(500), "{counts:?}");
    }

    #[test]
    fn a_secret_is_due_in_its_hour_when_it_is_overdue_and_while_something_is_open() {
        let arn = arn(1);
        let own = i64::try_from(part(&arn)).unwrap_or_default();
        let now = at(48 + own);
        let minutes = |count: i64| Some(now.saturating_sub(SignedDuration::from_mins(count)).unwrap_or(now));
        let hours = |count: i64| minutes(count * 60);
        for (in_its_hour, last, findings, failing, expected) in [
            (true, None, false, false, true),
            (true, hours(24), false, false, true),
            // The run was repeated.
            (true, minutes(1), false, false, false),
            (false, None, false, false, false),
            (false, hours(24), false, false, false),
            (false, hours(25), false, false, true),
            (false, hours(1), true, false, true),
            (false, minutes(49), true, false, false),
            (false, None, false, true, true),
            (false, hours(1), false, true, true),
        ] {
            // Another hour, with the same times before it.
            let shift = SignedDuration::from_hours(i64::from(!in_its_hour));
            let later = |time: Timestamp| time.saturating_add(shift).unwrap_or(time);
            let memory = InspectionMemory {
                secret_arn: arn.clone(),
                inspected_at: last.map(|last| later(last).to_string()),
                failing_since: failing.then(|| now.to_string()),
                findings: if findings { vec!["grants.differ".to_owned()] } else { Vec::new() },
            };
            let memories = [(arn.clone(), memory.clone())].into();
            let turns = due([Secret::example(&arn)].into_iter(), memories, later(now));
            assert_eq!(turns.len(), usize::from(expected), "{in_its_hour} {memory:?}");
        }
    }

    #[test]
    fn the_hour_comes_first_and_then_what_has_waited_longest() {
        let now = at(24);
        let of_this_hour: Vec<String> = (0..500).map(arn).filter(|arn| part(arn) == 0).take(2).collect();
        let other: Vec<String> = (0..500).map(arn).filter(|arn| part(arn) == 5).take(2).collect();
        let ago = |hours| now.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(now);
        let memories: HashMap<String, InspectionMemory> =
            [(&of_this_hour[0], 23), (&other[0], 26), (&other[1], 30)]
                .map(|(arn, hours)| (arn.clone(), inspected(arn, ago(hours))))
                .into();
        let all = other.iter().chain(&of_this_hour).map(|arn| Secret::example(arn));
        let order: Vec<String> = due(all, memories, now).into_iter().map(|turn| turn.arn).collect();
        assert_eq!(order, [&of_this_hour[1], &of_this_hour[0], &other[1], &other[0]].map(Clone::clone));
    }

    #[test]
    fn secrets_of_a_broker_that_does_not_answer_come_after_all_others() {
        let now = at(24);
        let of_this_hour: Vec<String> = (0..500).map(arn).filter(|arn| part(arn) == 0).take(3).collect();
        let ago = |hours| now.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(now);
        let mut memories: HashMap<String, InspectionMemory> =
            of_this_hour.iter().map(|arn| (arn.clone(), inspected(arn, ago(24)))).collect();
        for failing in &of_this_hour[..2] {
            let memory =
                InspectionMemory { failing_since: Some(ago(24).to_string()), ..inspected(failing, ago(48)) };
            memories.insert(failing.clone(), memory);
        }
        let all = of_this_hour.iter().map(|arn| Secret::example(arn));
        let order: Vec<String> = due(all, memories, now).into_iter().map(|turn| turn.arn).collect();
        assert_eq!(order.first(), of_this_hour.last());
        assert_eq!(order.len(), 3);
    }
}

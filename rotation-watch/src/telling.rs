//! Who is notified of what: each owner gets one digest a day, and an alert at once for a secret that is newly overdue.
//! Nobody is notified of the same finding twice on one day (UTC), regardless of how often the watch runs.

use std::collections::{BTreeMap, BTreeSet};

use contract::Kind;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::ages::Ages;
use crate::policy::{Finding, judge};
use crate::watched::{Memory, Secret};

/// A secret, with its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The secret.
    pub secret: Secret,
    /// What its owner was notified of before.
    pub memory: Memory,
    /// Whether the ages of its versions are known.
    pub ages: Ages,
}

/// One line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The secret's name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What is out of order.
    pub finding: Finding,
}

/// What one owner is notified of, and the memories to store after that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The owner; empty for secrets without one.
    pub owner: String,
    /// What is newly overdue or unwatched. Each causes one alert.
    pub alone: Vec<Entry>,
    /// All other findings, in one message.
    pub digest: Vec<Entry>,
    /// The memories of this owner's secrets that change.
    pub memories: Vec<Memory>,
}

/// How many secrets are in which state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// All secrets that were checked.
    pub watched: u64,
    /// Those with nothing out of order.
    pub compliant: u64,
    /// Those with a finding, by its kind.
    pub by_kind: BTreeMap<Kind, u64>,
}

/// The kinds that the watch finds. A metric is sent for each of them, even if it is zero.
pub const KINDS: [Kind; 7] = [
    Kind::SecretDue,
    Kind::SecretOverdue,
    Kind::RotationStuck,
    Kind::RotationNeverSucceeded,
    Kind::DeliveryUndelivered,
    Kind::SecretOwnerMissing,
    Kind::SecretUnwatched,
];

/// Decides whom to notify of what about `seen` at `now`.
#[must_use]
pub fn plan(seen: Vec<Seen>, now: Timestamp, due_within: SignedDuration) -> (Vec<Letter>, Totals) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut totals = Totals { by_kind: KINDS.map(|kind| (kind, 0)).into(), ..Totals::default() };
    let mut letters: BTreeMap<String, Letter> = BTreeMap::new();
    for Seen { secret, memory: before, ages } in seen {
        let mut findings = judge(&secret, now, due_within);
        if ages == Ages::Refused {
            findings.push(Finding { kind: Kind::SecretUnwatched, at: None });
        }
        totals.watched += 1;
        totals.compliant += u64::from(findings.is_empty() && ages == Ages::Known);
        let owner = secret.owner().to_owned();
        let letter = letters.entry(owner.clone()).or_insert_with(|| Letter {
            owner,
            alone: Vec::new(),
            digest: Vec::new(),
            memories: Vec::new(),
        });
        let mut memory =
            Memory { arn: secret.arn.clone(), current: secret.current.clone(), ..before.clone() };
        if !before.is_about(secret.current.as_ref()) {
            // The value is a new one, so all findings about the former value are over.
            memory.told.clear();
        }
        let found: BTreeSet<Kind> = findings.iter().map(|finding| finding.kind).collect();
        // A finding that could not be checked today is not over.
        memory.told.retain(|kind, _| ages != Ages::Known || found.contains(kind));
        for finding in findings {
            *totals.by_kind.entry(finding.kind).or_default() += 1;
            let last = memory.told.insert(finding.kind, today);
            if last == Some(today) {
                continue;
            }
            let entry = Entry { name: secret.name.clone(), arn: secret.arn.clone(), finding };
            let is_alone = matches!(finding.kind, Kind::SecretOverdue | Kind::SecretUnwatched);
            if is_alone && last.is_none() {
                letter.alone.push(entry);
            } else {
                letter.digest.push(entry);
            }
        }
        // If a run had no time to ask about thousands of secrets, it must not store that it knows nothing about them.
        let knows_nothing = ages == Ages::Unanswered && memory.told.is_empty() && before.told.is_empty();
        if memory != before && !knows_nothing {
            letter.memories.push(memory);
        }
    }
    (letters.into_values().collect(), totals)
}

#[cfg(test)]
mod tests {
    use contract::Tags;

    use super::*;
    use crate::watched::Version;

    #[test]
    fn about_a_secret_that_was_not_asked_for_only_what_its_owner_was_notified_of_is_stored() {
        let current = Some(Version { id: "v1".to_owned(), created_at: None });
        let days = |days: &str| [(Tags::MAX_AGE_DAYS.to_owned(), days.to_owned())];
        for (tags, ages, expected) in [
            (Tags::default(), Ages::Unanswered, 0),
            (Tags::default(), Ages::Known, 1),
            (days("90").into_iter().collect(), Ages::Unanswered, 1),
        ] {
            let secret = Secret { current: current.clone(), tags, ..Secret::example("arn:shop") };
            let seen = Seen { secret, memory: Memory::default(), ages };
            let (letters, totals) = plan(vec![seen], Timestamp::UNIX_EPOCH, SignedDuration::from_hours(24));
            let stored: usize = letters.iter().map(|letter| letter.memories.len()).sum();
            assert_eq!(stored, expected, "{letters:?}");
            assert_eq!(totals.watched, 1);
        }
    }
}

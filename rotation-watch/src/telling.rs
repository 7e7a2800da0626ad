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
        if before.current.as_ref().map(|version| &version.id) != secret.current.as_ref().map(|now| &now.id) {
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
        if memory != before {
            letter.memories.push(memory);
        }
    }
    (letters.into_values().collect(), totals)
}

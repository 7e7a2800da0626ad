//! Who is told what: one digest a day to each owner, and at once what is newly overdue. Nobody is told the same
//! twice on one day (UTC), however often the watch runs.

use std::collections::{BTreeMap, BTreeSet};

use contract::Kind;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::policy::{Finding, judge};
use crate::watched::{Memory, Secret};

/// A secret with what is remembered of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The secret.
    pub secret: Secret,
    /// What was told before.
    pub memory: Memory,
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

/// What one owner is told, and what is remembered once that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The owner; empty for secrets without one.
    pub owner: String,
    /// What is newly overdue: one alert each.
    pub overdue: Vec<Entry>,
    /// All else, in one message.
    pub digest: Vec<Entry>,
    /// The memories of this owner's secrets that change.
    pub memories: Vec<Memory>,
}

/// How many secrets are in which state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// All that were looked at.
    pub watched: u64,
    /// Those with nothing out of order.
    pub compliant: u64,
    /// Those with a finding, by its kind.
    pub by_kind: BTreeMap<Kind, u64>,
}

/// The kinds that the watch finds, for metrics that also say zero.
pub const KINDS: [Kind; 6] = [
    Kind::SecretDue,
    Kind::SecretOverdue,
    Kind::RotationStuck,
    Kind::RotationNeverSucceeded,
    Kind::DistributionUndelivered,
    Kind::SecretOwnerMissing,
];

/// Decides what to tell about `seen` at `now`.
#[must_use]
pub fn plan(seen: Vec<Seen>, now: Timestamp, due_within: SignedDuration) -> (Vec<Letter>, Totals) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut totals = Totals { by_kind: KINDS.map(|kind| (kind, 0)).into(), ..Totals::default() };
    let mut letters: BTreeMap<String, Letter> = BTreeMap::new();
    for Seen { secret, memory: before } in seen {
        let findings = judge(&secret, now, due_within);
        totals.watched += 1;
        totals.compliant += u64::from(findings.is_empty());
        let owner = secret.owner().to_owned();
        let letter = letters.entry(owner.clone()).or_insert_with(|| Letter {
            owner,
            overdue: Vec::new(),
            digest: Vec::new(),
            memories: Vec::new(),
        });
        let mut memory =
            Memory { arn: secret.arn.clone(), current: secret.current.clone(), ..before.clone() };
        if before.current.as_ref().map(|version| &version.id) != secret.current.as_ref().map(|now| &now.id) {
            // Another value: all that was told of the former one is over.
            memory.told.clear();
        }
        let found: BTreeSet<Kind> = findings.iter().map(|finding| finding.kind).collect();
        memory.told.retain(|kind, _| found.contains(kind));
        for finding in findings {
            *totals.by_kind.entry(finding.kind).or_default() += 1;
            let last = memory.told.insert(finding.kind, today);
            if last == Some(today) {
                continue;
            }
            let entry = Entry { name: secret.name.clone(), arn: secret.arn.clone(), finding };
            if finding.kind == Kind::SecretOverdue && last.is_none() {
                letter.overdue.push(entry);
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

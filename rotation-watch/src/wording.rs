//! From what an owner is told to the alert: which secrets, until when, and what to do.

use std::collections::BTreeMap;

use contract::{Alert, AlertText, Kind};
use jiff::Timestamp;

use crate::telling::{Entry, KINDS, Letter};

/// A digest names so many secrets of a kind; the rest is counted, and found with the command in it.
const NAMES_LIMIT: usize = 20;

/// One alert for a secret that is newly overdue.
#[must_use]
pub fn overdue(owner: &str, entry: &Entry, playbooks: &str) -> Alert {
    let kind = entry.finding.kind;
    let playbook = format!("{playbooks}/{}", kind.playbook());
    let end = entry.finding.at.map(day).unwrap_or_default();
    let what = format!(
        "The value of {} should have been replaced by {end}, by the policy in its tags or its schedule.",
        entry.name
    );
    let means = "Nothing is broken: it still works, also for whoever may have got hold of it.";
    Alert::new(AlertText {
        title: format!("{}: overdue since {end} ({kind})", entry.name),
        paragraphs: vec![
            ("What happened:".to_owned(), what),
            ("Which:".to_owned(), format!("{}\nowner: {}", entry.arn, name_of(owner))),
            ("What it means now:".to_owned(), means.to_owned()),
            ("Playbook:".to_owned(), playbook.clone()),
        ],
        next_steps: vec![
            format!("Follow the playbook: {playbook}"),
            format!(
                "See its versions: `aws secretsmanager list-secret-version-ids --secret-id {} --query \
                 'Versions[].[VersionId,CreatedDate,VersionStages]'`",
                entry.arn
            ),
        ],
        keywords: vec![kind.to_string(), kind.severity().as_str().to_owned()],
        thread: entry.arn.clone(),
        event_type: "secret.overdue".to_owned(),
        related_resources: vec![entry.arn.clone()],
        context: context(owner, kind, &playbook),
    })
}

/// The digest of an owner, if there is anything in it.
#[must_use]
pub fn digest(letter: &Letter, playbooks: &str) -> Option<Alert> {
    let worst = KINDS.iter().copied().filter(|kind| has(letter, *kind)).min_by_key(|kind| rank(*kind))?;
    let paragraphs = KINDS.iter().copied().filter(|kind| has(letter, *kind)).map(|kind| {
        let entries: Vec<&Entry> = letter.digest.iter().filter(|entry| entry.finding.kind == kind).collect();
        (heading(kind, entries.len()), listing(&entries))
    });
    let steps = KINDS.iter().copied().filter(|kind| has(letter, *kind));
    let playbook = format!("{playbooks}/{}", worst.playbook());
    let (count, owner) = (letter.digest.len(), name_of(&letter.owner));
    let things = if count == 1 { "1 thing" } else { &format!("{count} things") };
    Some(Alert::new(AlertText {
        title: format!("Secrets of {owner}: {things} to look at"),
        paragraphs: paragraphs.collect(),
        next_steps: steps.map(|kind| format!("`{kind}`: {playbooks}/{}", kind.playbook())).collect(),
        keywords: vec!["digest".to_owned(), worst.severity().as_str().to_owned()],
        thread: format!("digest of {owner}"),
        event_type: "secrets.digest".to_owned(),
        related_resources: letter.digest.iter().take(NAMES_LIMIT).map(|entry| entry.arn.clone()).collect(),
        context: context(&letter.owner, worst, &playbook),
    }))
}

fn has(letter: &Letter, kind: Kind) -> bool {
    letter.digest.iter().any(|entry| entry.finding.kind == kind)
}

fn rank(kind: Kind) -> usize {
    match kind.severity() {
        contract::Severity::Critical => 0,
        contract::Severity::Error => 1,
        contract::Severity::Warning => 2,
    }
}

fn heading(kind: Kind, count: usize) -> String {
    let what = match kind {
        Kind::SecretDue => "due",
        Kind::SecretOverdue => "overdue",
        Kind::RotationStuck => "with a rotation that is stuck",
        Kind::RotationNeverSucceeded => "whose rotation never succeeded",
        Kind::DistributionUndelivered => "not delivered to the cluster",
        _ => "with an incomplete policy",
    };
    format!("{count} {what} ({kind}):")
}

fn listing(entries: &[&Entry]) -> String {
    let mut lines: Vec<String> = entries.iter().take(NAMES_LIMIT).map(|entry| line(entry)).collect();
    let more = entries.len().saturating_sub(NAMES_LIMIT);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

fn line(entry: &Entry) -> String {
    let at = entry.finding.at.map(day);
    match (entry.finding.kind, at) {
        (Kind::SecretDue, Some(at)) => format!("{}, until {at}", entry.name),
        (_, Some(at)) => format!("{}, since {at}", entry.name),
        (_, None) => entry.name.clone(),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn name_of(owner: &str) -> &str {
    if owner.is_empty() { "nobody (no tag rotation-watch/owner)" } else { owner }
}

fn context(owner: &str, kind: Kind, playbook: &str) -> BTreeMap<String, String> {
    let entries = [
        ("kind", kind.as_str()),
        ("severity", kind.severity().as_str()),
        ("area", "policy"),
        ("owner", if owner.is_empty() { "nobody" } else { owner }),
        ("playbook", playbook),
    ];
    entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

//! From what an owner is notified of to the alert: which secrets, until when, and what to do.
//!
//! Somebody wrote the names and owners into a secret, so they are [`Foreign`] text.

use std::collections::BTreeMap;

use contract::{Alert, AlertText, Argument, Foreign, Kind};
use jiff::Timestamp;

use crate::telling::{Entry, KINDS, Letter};

/// A digest names at most this many secrets of a kind. The others are only counted.
const NAMES_LIMIT: usize = 20;
const NAME_LIMIT: usize = 120;
/// The size of all lists of a digest together, in bytes: the names of one kind must not push out another kind.
const LISTINGS_LIMIT: usize = 3_400;
const OWNER_LIMIT: usize = 100;
/// The longest ARN of a secret is shorter.
const ARN_LIMIT: usize = 600;
/// The limit of the tag. SNS accepts longer attributes.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Tag.html>
const ATTRIBUTE_LIMIT: usize = 256;

/// One alert for a secret that is newly overdue, or newly cannot be watched.
#[must_use]
pub fn alone(owner: &str, entry: &Entry, playbooks: &str) -> Alert {
    let kind = entry.finding.kind;
    let playbook = format!("{playbooks}/{}", kind.playbook());
    let name = Foreign::new(&entry.name).chat(NAME_LIMIT);
    let arn = Foreign::new(&entry.arn).chat(ARN_LIMIT);
    let secret = Foreign::new(&entry.arn).argument(Argument::Secret);
    let end = entry.finding.at.map(day).unwrap_or_default();
    let (title, what, means, event_type, command) = match kind {
        Kind::SecretUnwatched => (
            format!("{name}: its age cannot be watched ({kind})"),
            format!(
                "Secrets Manager did not let rotation-watch list the versions of {name}. A resource policy of the secret \
                may deny it."
            ),
            "Nothing is broken. But nobody is notified when the value is due or a rotation is stuck.",
            "secret.unwatched",
            "Check its resource policy: `aws secretsmanager get-resource-policy --secret-id",
        ),
        _ => (
            format!("{name}: overdue since {end} ({kind})"),
            format!(
                "By the policy in its tags or by its schedule, the value of {name} had to be replaced by {end}."
            ),
            "Nothing is broken. The value still works, also for anybody who may have obtained it.",
            "secret.overdue",
            "Check its versions: `aws secretsmanager list-secret-version-ids --query \
             'Versions[].[VersionId,CreatedDate,VersionStages]' --secret-id",
        ),
    };
    let shown = secret.unwrap_or(Argument::Secret.placeholder());
    Alert::new(AlertText {
        title,
        paragraphs: vec![
            ("What happened:".to_owned(), what),
            ("Affected:".to_owned(), format!("{arn}\nowner: {}", name_of(owner))),
            ("What it means now:".to_owned(), means.to_owned()),
            ("Playbook:".to_owned(), playbook.clone()),
        ],
        next_steps: vec![format!("Follow the playbook: {playbook}"), format!("{command} {shown}`")],
        keywords: vec![kind.to_string(), kind.severity().as_str().to_owned()],
        thread: secret.map_or(arn, str::to_owned),
        event_type: event_type.to_owned(),
        related_resources: secret.map(str::to_owned).into_iter().collect(),
        context: context(owner, kind, &playbook),
        owner: Some(attribute(owner)),
    })
}

/// The digest of an owner, if there is anything in it.
#[must_use]
pub fn digest(letter: &Letter, playbooks: &str) -> Option<Alert> {
    let worst = KINDS.iter().copied().filter(|kind| has(letter, *kind)).min_by_key(|kind| rank(*kind))?;
    let kinds: Vec<Kind> = KINDS.iter().copied().filter(|kind| has(letter, *kind)).collect();
    let room = LISTINGS_LIMIT / kinds.len().max(1);
    let paragraphs = kinds.iter().map(|&kind| {
        let entries: Vec<&Entry> = letter.digest.iter().filter(|entry| entry.finding.kind == kind).collect();
        (heading(kind, entries.len()), listing(&entries, room))
    });
    let playbook = format!("{playbooks}/{}", worst.playbook());
    let (count, owner) = (letter.digest.len(), name_of(&letter.owner));
    let resources = letter.digest.iter().take(NAMES_LIMIT);
    let resources = resources.filter_map(|entry| Foreign::new(&entry.arn).argument(Argument::Secret));
    let findings = if count == 1 { "1 finding" } else { &format!("{count} findings") };
    Some(Alert::new(AlertText {
        title: format!("Secrets of {owner}: {findings} to check"),
        paragraphs: paragraphs.collect(),
        next_steps: kinds.iter().map(|kind| format!("`{kind}`: {playbooks}/{}", kind.playbook())).collect(),
        keywords: vec!["digest".to_owned(), worst.severity().as_str().to_owned()],
        thread: format!("digest of {owner}"),
        event_type: "secrets.digest".to_owned(),
        related_resources: resources.map(str::to_owned).collect(),
        context: context(&letter.owner, worst, &playbook),
        owner: Some(attribute(&letter.owner)),
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
        Kind::RotationStuck => "with a stuck rotation",
        Kind::RotationNeverSucceeded => "that never rotated successfully",
        Kind::DeliveryUndelivered => "not delivered to the cluster",
        Kind::SecretUnwatched => "whose age cannot be watched",
        _ => "with an incomplete policy",
    };
    format!("{count} {what} ({kind}):")
}

/// As many names as there is room for, and the number of the others.
fn listing(entries: &[&Entry], room: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut left = room;
    for line in entries.iter().take(NAMES_LIMIT).map(|entry| line(entry)) {
        let Some(rest) = left.checked_sub(line.len() + 1) else { break };
        left = rest;
        lines.push(line);
    }
    let more = entries.len().saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

fn line(entry: &Entry) -> String {
    let name = Foreign::new(&entry.name).chat(NAME_LIMIT);
    match (entry.finding.kind, entry.finding.at.map(day)) {
        (Kind::SecretDue, Some(at)) => format!("{name}, until {at}"),
        (_, Some(at)) => format!("{name}, since {at}"),
        (_, None) => name,
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn name_of(owner: &str) -> String {
    match owner {
        "" => "nobody (no tag rotation-watch/owner)".to_owned(),
        owner => Foreign::new(owner).chat(OWNER_LIMIT),
    }
}

/// The attribute that an owner's filter policy matches.
fn attribute(owner: &str) -> String {
    let owner = Foreign::new(owner).attribute(ATTRIBUTE_LIMIT);
    if owner.is_empty() { "nobody".to_owned() } else { owner }
}

fn context(owner: &str, kind: Kind, playbook: &str) -> BTreeMap<String, String> {
    let owner = if owner.is_empty() { "nobody".to_owned() } else { name_of(owner) };
    let entries = [
        ("kind", kind.as_str()),
        ("severity", kind.severity().as_str()),
        ("area", "policy"),
        ("owner", &owner),
        ("playbook", playbook),
    ];
    entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

//! From what an owner is told to the alert: which secrets, until when, and what to do.
//!
//! Names and owners are whatever somebody wrote into a secret: [`Foreign`] text.

use std::collections::BTreeMap;

use contract::{Alert, AlertText, Argument, Foreign, Kind};
use jiff::Timestamp;

use crate::telling::{Entry, KINDS, Letter};

/// A digest names so many secrets of a kind; the rest is counted, and found with the command in it.
const NAMES_LIMIT: usize = 20;
const NAME_LIMIT: usize = 120;
/// The lists of a digest together, in bytes: no kind is cut off by the names of another.
const LISTINGS_LIMIT: usize = 3_400;
const OWNER_LIMIT: usize = 100;
/// The longest ARN of a secret is shorter.
const ARN_LIMIT: usize = 600;
/// SNS takes longer ones; the tag's own limit.
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
                "Secrets Manager refused to list the versions of {name} to rotation-watch. A resource policy of the \
                 secret may deny it."
            ),
            "Nothing is broken. Nobody is told when the value is due or a rotation is stuck.",
            "secret.unwatched",
            "See its resource policy: `aws secretsmanager get-resource-policy --secret-id",
        ),
        _ => (
            format!("{name}: overdue since {end} ({kind})"),
            format!(
                "The value of {name} should have been replaced by {end}, by the policy in its tags or its schedule."
            ),
            "Nothing is broken: it still works, also for whoever may have got hold of it.",
            "secret.overdue",
            "See its versions: `aws secretsmanager list-secret-version-ids --query \
             'Versions[].[VersionId,CreatedDate,VersionStages]' --secret-id",
        ),
    };
    let shown = secret.unwrap_or(Argument::Secret.placeholder());
    Alert::new(AlertText {
        title,
        paragraphs: vec![
            ("What happened:".to_owned(), what),
            ("Which:".to_owned(), format!("{arn}\nowner: {}", name_of(owner))),
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
    let things = if count == 1 { "1 thing" } else { &format!("{count} things") };
    Some(Alert::new(AlertText {
        title: format!("Secrets of {owner}: {things} to look at"),
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
        Kind::RotationStuck => "with a rotation that is stuck",
        Kind::RotationNeverSucceeded => "whose rotation never succeeded",
        Kind::DeliveryUndelivered => "not delivered to the cluster",
        Kind::SecretUnwatched => "whose age cannot be watched",
        _ => "with an incomplete policy",
    };
    format!("{count} {what} ({kind}):")
}

/// As many names as there is room for, and how many more there are.
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

/// What an owner's filter policy matches.
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

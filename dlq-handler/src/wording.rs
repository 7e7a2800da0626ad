//! From an incident to the alert about it: what happened, what is affected, since when, what it means now, what was
//! tried, and what to do. Pure, so that a test can read the alert of every kind.
//!
//! Except for its kind and its times, everything in an incident comes from outside. This includes the messages of our own
//! functions: they quote names in secrets, and anyone who can send to the queue can forge them. Here, such text is
//! [`Foreign`].

mod commands;
mod meaning;
mod secops;
mod title;

use std::collections::BTreeMap;

use contract::{
    Alert, AlertText, Area, Argument, Foreign, INCIDENT_SCHEMA, IncidentEvent, IncidentState, cut,
};
use jiff::Timestamp;

use crate::incident::{Announcement, Incident, What};
use crate::secret_store::SecretFacts;

/// The schema limits the event's message.
const EVENT_MESSAGE_LIMIT: usize = 2_000;
// Together these leave room for the suite's own text: a long name must not push it out of the alert.
const NAME_LIMIT: usize = 120;
const SUBJECT_LIMIT: usize = 600;
const MESSAGE_LIMIT: usize = 900;
const CAUSE_LIMIT: usize = 200;
const CAUSES_LIMIT: usize = 4;
const PART_LIMIT: usize = 100;

/// What is the same in all alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Where the playbooks are: `PLAYBOOK_URL`.
    pub playbooks: String,
    /// The function that delivers, if there is one.
    pub secret2eks: Option<String>,
    /// The stack, for the commands of `secops`.
    pub stack: Option<String>,
}

/// One announcement, and what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What to announce.
    pub announcement: &'a Announcement,
    /// The secret's ARN, or the name of the function or alarm.
    pub subject: &'a str,
    /// The area.
    pub area: Area,
    /// What Secrets Manager says about the secret. None if the subject is not a secret, or Secrets Manager did not answer.
    pub facts: Option<&'a SecretFacts>,
}

/// The alert.
#[must_use]
pub fn alert(told: Told<'_>, places: &Places) -> Alert {
    let incident = &told.announcement.incident;
    let closed = told.announcement.what == What::Closed;
    let playbook = format!("{}/{}", places.playbooks, incident.kind.playbook());
    let mut paragraphs = vec![("What happened:".to_owned(), what_happened(told))];
    paragraphs.push(("Affected:".to_owned(), which(told)));
    paragraphs.push(("Since:".to_owned(), since(incident)));
    paragraphs.push(("What it means now:".to_owned(), meaning::now(told)));
    if !closed {
        let tried = meaning::tried(told);
        paragraphs.push(("What was tried:".to_owned(), tried));
        paragraphs.push(("Playbook:".to_owned(), playbook.clone()));
    }
    let secret = Foreign::new(told.subject).argument(Argument::Secret);
    let arn = secret.filter(|secret| secret.starts_with("arn:"));
    Alert::new(AlertText {
        title: title::title(told),
        paragraphs,
        next_steps: if closed { Vec::new() } else { commands::next_steps(told, places, &playbook) },
        keywords: vec![
            incident.kind.to_string(),
            severity(incident).to_owned(),
            told.area.as_str().to_owned(),
        ],
        thread: arn.map_or_else(|| named(told.subject, SUBJECT_LIMIT), str::to_owned),
        event_type: format!("incident.{}", event_type(told.announcement.what)),
        related_resources: arn.map(str::to_owned).into_iter().collect(),
        context: context(told, playbook),
        owner: None,
    })
}

/// A name for people. It is never empty.
fn named(name: &str, limit: usize) -> String {
    let shown = Foreign::new(name).chat(limit);
    if shown.is_empty() { "(without a name)".to_owned() } else { shown }
}

/// The event for other systems. It is data, so its texts are unchanged.
#[must_use]
pub fn event(told: Told<'_>) -> IncidentEvent {
    let incident = &told.announcement.incident;
    let state = if incident.is_open() { IncidentState::Open } else { IncidentState::Closed };
    IncidentEvent {
        schema: INCIDENT_SCHEMA.to_owned(),
        incident_id: incident.id.clone(),
        state,
        area: told.area,
        subject: told.subject.to_owned(),
        kind: incident.kind,
        severity: incident.severity(),
        failures: incident.failures,
        opened_at: incident.opened_at.to_string(),
        closed_at: incident.closed_at.map(|at| at.to_string()),
        message: cut(&incident.detail.message, EVENT_MESSAGE_LIMIT),
    }
}

fn event_type(what: What) -> &'static str {
    match what {
        What::Opened => "opened",
        What::Changed | What::Explained => "changed",
        What::StaysOpen => "stays_open",
        What::Closed | What::Quiet => "closed",
    }
}

fn context(told: Told<'_>, playbook: String) -> BTreeMap<String, String> {
    let incident = &told.announcement.incident;
    let entries = [
        ("kind", incident.kind.to_string()),
        ("severity", severity(incident).to_owned()),
        ("area", told.area.as_str().to_owned()),
        ("incidentId", incident.id.clone()),
        ("playbook", playbook),
    ];
    entries.map(|(key, value)| (key.to_owned(), value)).into()
}

fn severity(incident: &Incident) -> &'static str {
    incident.severity().as_str()
}

/// `rotation fails` reads better with the secret's name than with its ARN.
fn name(subject: &str) -> &str {
    let Some((_, name)) = subject.split_once(":secret:") else { return subject };
    name.rsplit_once('-').filter(|(_, suffix)| suffix.len() == 6).map_or(name, |(name, _)| name)
}

fn what_happened(told: Told<'_>) -> String {
    let incident = &told.announcement.incident;
    if let (What::Closed, Some(closed)) = (told.announcement.what, &incident.closed_by) {
        let (by, reason) = (Foreign::new(&closed.by), Foreign::new(&closed.reason));
        let (by, reason) = (by.chat(SUBJECT_LIMIT), reason.chat(MESSAGE_LIMIT));
        return format!("{by} closed the incident of kind {}: {reason}", incident.kind);
    }
    let mut text = match told.announcement.what {
        What::Closed | What::Quiet => {
            let mended = match told.area {
                Area::Rotation => "A rotation succeeded",
                Area::Delivery => "A delivery succeeded",
                Area::Connections => "Two rotations succeeded and reported no such connection",
                Area::Function => "A reconcile succeeded",
                Area::Inspection => "An inspection found nothing",
                Area::Alarm => "The alarm is no longer raised",
                _ => "It succeeded",
            };
            return format!("{mended}. The incident of kind {} is closed.", incident.kind);
        }
        _ => Foreign::new(&incident.detail.message).chat(MESSAGE_LIMIT),
    };
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    for cause in incident.detail.causes.iter().take(CAUSES_LIMIT) {
        text.push_str("\nCause: ");
        text.push_str(&Foreign::new(cause).chat(CAUSE_LIMIT));
    }
    text
}

fn which(told: Told<'_>) -> String {
    let incident = &told.announcement.incident;
    let detail = &incident.detail;
    let parts = [
        ("step", &detail.step),
        ("stored by", &detail.stored_by),
        ("broker user", &detail.user),
        ("broker", &detail.broker),
        ("version", &detail.version),
        ("function", &detail.function),
        ("secret in the event", &detail.secret),
        ("request", &detail.request_id),
    ];
    let mut text = named(told.subject, SUBJECT_LIMIT);
    for (label, value) in parts {
        let limit = if label == "stored by" { SUBJECT_LIMIT } else { PART_LIMIT };
        let value = Foreign::new(value.as_deref().unwrap_or_default()).chat(limit);
        if !value.is_empty() {
            text.push_str(&format!("\n{label}: {value}"));
        }
    }
    if incident.who.len() > 1 {
        let more = if incident.has_more_principals() { " and others, which CloudTrail names" } else { "" };
        let names = Foreign::new(&incident.who.join(", ")).chat(SUBJECT_LIMIT);
        text.push_str(&format!("\nprincipals so far: {names}{more}"));
    }
    text
}

fn since(incident: &Incident) -> String {
    let times = match incident.failures {
        1 => "one failure".to_owned(),
        many => format!("{many} failures, the last at {}", short(incident.last_failure_at)),
    };
    match incident.closed_at {
        None => format!("{} ({times}).", short(incident.opened_at)),
        Some(end) => format!("{} until {} ({times}).", short(incident.opened_at), short(end)),
    }
}

fn short(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

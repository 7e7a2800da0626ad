//! The states of an incident, decided on data. The item in the table is the only state.
//!
//! Messages come late, twice and in any order, so the time when something happened decides. CloudTrail's times are in
//! whole seconds. If two things happened in the same second, the order of arrival decides. In case of doubt, a failure is
//! reported.

mod announcement;
mod closing;
mod healing;
mod looking;
mod who;

use contract::{Area, Kind, Severity};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use announcement::{Announcement, Decided, Sender, What};

use crate::message::{Closed, Detail, Failure, Success};

/// If an incident is still open after this time, people are notified once more. An incident that no success can close
/// ends when no failure has been added to it for this time.
pub const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// A rotation that succeeds within this time after a report of outlived connections is the one that reported them.
const SAME_ROTATION: SignedDuration = SignedDuration::from_hours(1);
/// A rotation sees the connections of the user that it resets, and the users of a pair take turns.
const ROTATIONS_OF_A_PAIR: u32 = 2;
/// The number of the last messages whose ids are kept, to recognize a repeated one. SQS repeats a message soon or never.
const SEEN_LIMIT: usize = 40;

/// One item of the table: what is known of one subject in one area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The secret's ARN, or the name of the function or alarm.
    pub subject: String,
    /// What it is about.
    pub area: Area,
    /// The last success, even if there was no incident. A failure from before it has ended when it arrives.
    pub succeeded_at: Option<Timestamp>,
    /// The last incident, open or closed.
    pub incident: Option<Incident>,
    /// The announcements that have not been sent yet.
    pub unsent: Vec<Announcement>,
    /// Ids of the last messages.
    pub seen: Vec<String>,
    /// Counts the writes, so that two writes at the same time do not undo each other.
    pub revision: u64,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// The same in all announcements of the incident.
    pub id: String,
    /// What failed last.
    pub kind: Kind,
    /// When it failed first.
    pub opened_at: Timestamp,
    /// When it failed last.
    pub last_failure_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// How often it failed.
    pub failures: u64,
    /// What is known beside the kind.
    pub detail: Detail,
    /// The kinds that people were notified of. A failure that alternates between two kinds causes two alerts, not more.
    pub told: Vec<Kind>,
    /// Whether people were notified that it stays open.
    pub reminded: bool,
    /// Rotations since the last report of outlived connections that reported none.
    #[serde(default)]
    pub quiet_rotations: u32,
    /// The principals that people were notified of, in the area of access.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
    /// The person who closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<Closed>,
}

/// What a message did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A new incident.
    Opened,
    /// One more failure of an open incident.
    Repeated,
    /// An open incident has another cause now.
    Changed,
    /// The incident has ended.
    Closed,
    /// A success without an incident.
    Noted,
    /// It is known now who caused an open incident.
    Explained,
    /// It has been open for a day.
    StaysOpen,
    /// A critical failure had ended before it arrived. People are notified of it and of its end.
    Late,
    /// The failure had ended before it arrived.
    Over,
    /// The message was known already.
    Nothing,
}

impl Incident {
    /// How bad it is for the people who use the secret.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// Whether a function refused one event. This says nothing about other events.
    #[must_use]
    pub fn is_of_one_event(&self) -> bool {
        is_of_one_event(self.kind, &self.detail)
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }
}

/// The event was wrong, or named a secret that does not exist.
fn is_of_one_event(kind: Kind, detail: &Detail) -> bool {
    let is_the_functions = matches!(kind, Kind::ConfigurationInvalid | Kind::FunctionCrashed);
    kind == Kind::EventInvalid || detail.secret.is_some() && !is_the_functions
}

impl Record {
    /// A subject of which nothing is known.
    #[must_use]
    pub fn new(subject: String, area: Area) -> Self {
        Self {
            subject,
            area,
            succeeded_at: None,
            incident: None,
            unsent: Vec::new(),
            seen: Vec::new(),
            revision: 0,
        }
    }

    /// The incident that is open now.
    #[must_use]
    pub fn open_incident(&self) -> Option<&Incident> {
        self.incident.as_ref().filter(|incident| incident.is_open())
    }

    /// Whether a message with this id was recorded already.
    #[must_use]
    pub fn has_seen(&self, id: &str) -> bool {
        self.seen.iter().any(|seen| seen == id)
    }

    /// Records a failure. People are notified of a critical one regardless of what came before it.
    pub fn fail(&mut self, failure: &Failure, now: Timestamp) -> Effect {
        if self.has_seen(&failure.id) {
            return Effect::Nothing;
        }
        let is_critical = failure.kind.severity() == Severity::Critical;
        let over = self.over_at(failure.occurred_at);
        if over.is_some() && !is_critical {
            return Effect::Over;
        }
        self.remember(&failure.id);
        let Some(incident) = self.incident.as_mut().filter(|incident| incident.is_open()) else {
            self.open(failure, now);
            return if self.end(over, now) { Effect::Late } else { Effect::Opened };
        };
        // If a rotation failed, and then the test of a schedule fails as well, the incident stays one of a rotation.
        let test_only = incident.detail.test_only && failure.detail.test_only;
        incident.detail.test_only = test_only;
        let is_newer = failure.occurred_at >= incident.last_failure_at;
        incident.last_failure_at = incident.last_failure_at.max(failure.occurred_at);
        incident.quiet_rotations = 0;
        incident.opened_at = incident.opened_at.min(failure.occurred_at);
        let (generic, was_generic) = (failure.kind.is_generic(), incident.kind.is_generic());
        let (of_event, was_of_event) =
            (is_of_one_event(failure.kind, &failure.detail), incident.is_of_one_event());
        if generic && !was_generic && !was_of_event {
            // The same failure, reported by somebody who knows less.
            return Effect::Repeated;
        }
        if of_event && !was_of_event {
            // Anyone who may invoke a function can make it refuse an event. This must neither hide nor explain another
            // failure.
            incident.failures += 1;
            return Effect::Repeated;
        }
        let says_more = was_generic && !generic;
        incident.failures += u64::from(!says_more);
        if who::is_hidden(incident, failure) {
            return Effect::Repeated;
        }
        let is_another = incident.adds(failure);
        let is_told = !is_another && incident.told.contains(&failure.kind);
        if !(is_newer || says_more || is_another || is_critical && !is_told) {
            return Effect::Repeated;
        }
        incident.kind = failure.kind;
        incident.detail = Detail { test_only, ..failure.detail.clone() };
        if is_told {
            return Effect::Repeated;
        }
        if !incident.told.contains(&failure.kind) {
            incident.told.push(failure.kind);
        }
        self.announce(What::Changed, now);
        Effect::Changed
    }

    /// Records a success.
    pub fn succeed(&mut self, success: &Success, now: Timestamp) -> Effect {
        if self.has_seen(&success.id) || !self.is_ended_by(success) {
            return Effect::Nothing;
        }
        self.remember(&success.id);
        if self.area == Area::Connections && self.count_quiet_rotation() < ROTATIONS_OF_A_PAIR {
            return Effect::Noted;
        }
        if success.of_test {
            self.end(Some(success.at), now);
            return Effect::Closed;
        }
        self.succeeded_at = self.succeeded_at.max(Some(success.at));
        match self.incident.as_mut().filter(|incident| incident.is_open()) {
            // It has failed again since.
            Some(incident) if success.at.as_second() < incident.last_failure_at.as_second() => Effect::Noted,
            Some(_) => {
                self.end(Some(success.at), now);
                Effect::Closed
            }
            None => Effect::Noted,
        }
    }

    /// Adds who stored the version of an open incident.
    pub fn explain(&mut self, version: &str, who: &str, now: Timestamp) -> Effect {
        let Some(incident) = self.incident.as_mut().filter(|incident| incident.is_open()) else {
            return Effect::Nothing;
        };
        let detail = &mut incident.detail;
        let is_about = incident.kind == Kind::DeliveryHeldBack && detail.version.as_deref() == Some(version);
        if !is_about || detail.stored_by.is_some() {
            return Effect::Nothing;
        }
        detail.stored_by = Some(who.to_owned());
        self.announce(What::Explained, now);
        Effect::Explained
    }

    /// Counts a rotation that reported no outlived connection. Returns how many there were since the last report.
    fn count_quiet_rotation(&mut self) -> u32 {
        let Some(incident) = &mut self.incident else { return 0 };
        incident.quiet_rotations += 1;
        incident.quiet_rotations
    }

    /// Whether a success counts in this area. A rotation that reports outlived connections succeeds, too, but does not end
    /// the incident that it has just reported. A test of the schedule ends only a failed test.
    fn is_ended_by(&self, success: &Success) -> bool {
        let since = |incident: &Incident| success.at.duration_since(incident.last_failure_at);
        if success.of_test {
            return self
                .open_incident()
                .is_some_and(|incident| incident.detail.test_only && !since(incident).is_negative());
        }
        self.area != Area::Connections
            || self.open_incident().is_some_and(|incident| since(incident) > SAME_ROTATION)
    }

    /// Ends the incident at the time `over`, if there is one.
    fn end(&mut self, over: Option<Timestamp>, now: Timestamp) -> bool {
        let (Some(over), Some(incident)) = (over, self.incident.as_mut()) else { return false };
        incident.closed_at = Some(over.max(incident.last_failure_at));
        self.announce(What::Closed, now);
        true
    }

    fn open(&mut self, failure: &Failure, now: Timestamp) {
        self.incident = Some(Incident {
            id: incident_id(&self.subject, self.area, failure.occurred_at),
            kind: failure.kind,
            opened_at: failure.occurred_at,
            last_failure_at: failure.occurred_at,
            closed_at: None,
            failures: 1,
            detail: failure.detail.clone(),
            told: vec![failure.kind],
            reminded: false,
            quiet_rotations: 0,
            who: failure.detail.who.iter().cloned().collect(),
            closed_by: None,
        });
        self.announce(What::Opened, now);
    }

    /// The time of the success, or of the end of the incident, that followed a failure at `at` before the failure arrived.
    fn over_at(&self, at: Timestamp) -> Option<Timestamp> {
        // A person closes an incident about the calls that are known then. A call that is reported later is another one.
        if self.area == Area::Access {
            return None;
        }
        let ended = self.incident.as_ref().and_then(|incident| incident.closed_at);
        self.succeeded_at.max(ended).filter(|over| at.as_second() < over.as_second())
    }

    fn remember(&mut self, id: &str) {
        self.seen.push(id.to_owned());
        let surplus = self.seen.len().saturating_sub(SEEN_LIMIT);
        self.seen.drain(..surplus);
    }
}

/// An id that people can read, and that is the same if the opening is decided again.
fn incident_id(subject: &str, area: Area, opened_at: Timestamp) -> String {
    let digest = Sha256::digest(format!("{subject} {} {opened_at}", area.as_str()));
    let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hash}", opened_at.strftime("%Y%m%d-%H%M%S"))
}

#[cfg(test)]
mod tests;

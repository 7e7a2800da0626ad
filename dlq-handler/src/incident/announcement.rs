//! Announcements of an incident that have not been sent yet. An announcement is written into the table together with the
//! change that it announces, and removed when it has been sent. So none is lost if SNS refuses it or the function is
//! killed in between.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Effect, Incident, Record};

/// What happened to the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was opened.
    Opened,
    /// It has another cause.
    Changed,
    /// It is known who caused it.
    Explained,
    /// It has been open for a day.
    StaysOpen,
    /// It was closed.
    Closed,
    /// It ended without an alert, because no failure was added to it for a day.
    Quiet,
}

/// One announcement, with the incident as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// Its number among the announcements of the record.
    pub number: u64,
    /// What happened to the incident.
    pub what: What,
    /// The incident.
    pub incident: Incident,
    /// Whether the alert must still be sent.
    pub alert_due: bool,
    /// Whether the event must still be sent.
    pub event_due: bool,
    /// The invocation that sends it. Empty before an invocation has taken it.
    #[serde(default)]
    pub sender: String,
    /// When others may send it. Its sender's invocation has ended by then.
    pub free_at: Timestamp,
}

/// One invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Lambda's request id.
    pub id: String,
    /// When it ends.
    pub until: Timestamp,
}

/// What an invocation has decided about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What its message did to the record.
    pub effect: Effect,
    /// The announcements that it sends after it has written the record.
    pub mine: Vec<Announcement>,
    /// Whether the record must be written.
    pub is_changed: bool,
}

impl What {
    /// Whether an alert is sent.
    #[must_use]
    pub fn is_alert(self) -> bool {
        self != Self::Quiet
    }

    /// Whether an event is sent.
    #[must_use]
    pub fn is_event(self) -> bool {
        matches!(self, Self::Opened | Self::Closed | Self::Quiet)
    }
}

impl Record {
    pub(super) fn announce(&mut self, what: What, now: Timestamp) {
        let Some(incident) = self.incident.clone() else { return };
        let last = self.unsent.last().map_or(0, |last| last.number);
        self.unsent.push(Announcement {
            number: last.max(self.revision.saturating_mul(10)) + 1,
            what,
            incident,
            alert_due: what.is_alert(),
            event_due: what.is_event(),
            sender: String::new(),
            free_at: now,
        });
    }

    /// Applies `decide`, then takes the announcements to send. The record must be written before any of them is sent.
    pub fn decide(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        decide: impl Fn(&mut Self, Timestamp) -> Effect,
    ) -> Decided {
        let effect = decide(self, now);
        let mine = self.take_over(now, sender);
        let is_changed = !matches!(effect, Effect::Nothing | Effect::Over) || !mine.is_empty();
        Decided { effect, mine, is_changed }
    }

    /// Takes every announcement that nobody else is sending: new ones, those of a sender that failed, and the sender's own,
    /// which it finds if the answer to its write was lost. Others do not take them until the sender's invocation has ended.
    /// SQS delivers a message again long after that.
    pub fn take_over(&mut self, now: Timestamp, sender: &Sender) -> Vec<Announcement> {
        let mut taken = Vec::new();
        for announcement in &mut self.unsent {
            if announcement.free_at <= now || announcement.sender == sender.id {
                announcement.sender.clone_from(&sender.id);
                announcement.free_at = sender.until;
                taken.push(announcement.clone());
            }
        }
        taken
    }

    /// Records how far the sending of an announcement came.
    pub fn sent(&mut self, sent: &Announcement, now: Timestamp) {
        let Some(at) = self.unsent.iter().position(|other| other.number == sent.number) else { return };
        if sent.alert_due || sent.event_due {
            if let Some(announcement) = self.unsent.get_mut(at) {
                *announcement = Announcement { free_at: now, ..sent.clone() };
            }
        } else {
            self.unsent.remove(at);
        }
    }
}

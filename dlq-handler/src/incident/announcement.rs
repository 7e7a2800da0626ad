//! What is still to be told of an incident. It is written into the table together with what it tells, and
//! taken out when it was told: so nothing is forgotten when SNS refuses or the function is killed in between.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Incident, Record};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It began.
    Opened,
    /// It has another cause.
    Changed,
    /// It has been open for a day.
    StaysOpen,
    /// It is over.
    Closed,
    /// Nothing more was heard of it: over, without an alert.
    Quiet,
}

/// One thing to tell, with the incident as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// Names it among those of the record.
    pub number: u64,
    /// What is told.
    pub what: What,
    /// The incident.
    pub incident: Incident,
    /// Whether people have still to be told.
    pub alert_due: bool,
    /// Whether EventBridge has still to be told.
    pub event_due: bool,
    /// Who sends it; nobody before it was taken.
    #[serde(default)]
    pub sender: String,
    /// When others may send it: its sender's invocation is over by then.
    pub free_at: Timestamp,
}

/// One invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Lambda's request id.
    pub id: String,
    /// When it is over.
    pub until: Timestamp,
}

impl What {
    /// Whether people are told.
    #[must_use]
    pub fn is_alert(self) -> bool {
        self != Self::Quiet
    }

    /// Whether other systems are told.
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

    /// Takes every announcement that nobody else is sending: new ones, those of a sender that failed, and the sender's own,
    /// which it finds when the answer to its write was lost. Others leave them alone until the sender's invocation is over;
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

    /// Writes down how far the sending of an announcement came.
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

//! The messages, and what they do to the record.

use std::fmt;

use contract::{Area, Kind};
use dlq_handler::incident::{Effect, Record};
use dlq_handler::message::{Detail, Failure, Success};
use jiff::{SignedDuration, Timestamp};

use crate::suite::ARN;

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// `broker.unreachable`.
    Warning,
    /// `rotation.failed`, from CloudTrail, which does not know the cause.
    Generic,
    /// `current.login_refused`.
    Critical,
    /// A rotation has succeeded.
    Success,
}

impl Event {
    fn kind(self) -> Option<Kind> {
        match self {
            Self::Warning => Some(Kind::BrokerUnreachable),
            Self::Generic => Some(Kind::RotationFailed),
            Self::Critical => Some(Kind::CurrentLoginRefused),
            Self::Success => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Some(kind) => write!(formatter, "a rotation fails as {kind}"),
            None => formatter.write_str("a rotation succeeds"),
        }
    }
}

/// A message in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Message {
    /// Its id.
    pub id: u8,
    /// What it reports.
    pub event: Event,
    /// When that happened.
    pub hour: u8,
    /// SQS delivers it to nobody else before this hour.
    pub busy_until: u8,
}

impl Message {
    /// When it happened that the message reports.
    #[must_use]
    pub fn time(self) -> Timestamp {
        time(self.hour, self.id)
    }
}

/// A time.
#[must_use]
pub fn time(hour: u8, second: u8) -> Timestamp {
    let seconds = 1_800_000_000 + i64::from(hour) * 3_600 + i64::from(second);
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// What a message does to the record.
pub fn record_event(record: &mut Record, message: Message, now: Timestamp) -> Effect {
    let (id, at) = (format!("message-{}", message.id), message.time());
    match message.event.kind() {
        Some(kind) => {
            let failure = Failure {
                id,
                area: Area::Rotation,
                subject: ARN.to_owned(),
                kind,
                occurred_at: at,
                detail: Detail::default(),
                delivery: None,
                waited: true,
            };
            record.fail(&failure, now)
        }
        None => {
            let success = Success { id, area: Area::Rotation, subject: ARN.to_owned(), at, of_test: false };
            record.succeed(&success, now)
        }
    }
}

//! The queue that a message came through, and which messages are believed from which queue.
//!
//! Each sender has a queue of its own. The queue's policy and the roles in `infra/template.yaml` define who may send to
//! it. Lambda names the queue of each message (`eventSourceARN`). A failure is accepted from every queue, because it only
//! notifies people. A success ends an incident, and a command makes the handler act. So both must come through the queue
//! of their sender.
//!
//! Anyone who may invoke the function can name any queue: no event can prove where it comes from.

use contract::{Area, Kind};

use crate::message::Message;

/// The queues, by their ARNs (`infra/template.yaml`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queues {
    /// EventBridge's queue, for the events of Secrets Manager (`RULE_QUEUE_ARN`).
    pub rule: Option<String>,
    /// The queue of this function and its schedule (`OWN_QUEUE_ARN`).
    pub own: Option<String>,
    /// The queue of secret2eks, for its successes (`DELIVERY_QUEUE_ARN`).
    pub delivery: Option<String>,
    /// EventBridge's queue for reads of values (`READ_QUEUE_ARN`).
    pub reads: Option<String>,
    /// EventBridge's queue for changes of what protects the secrets (`PROTECTION_QUEUE_ARN`).
    pub protection: Option<String>,
    /// The queue of SecOps, for incidents to close (`CLOSE_QUEUE_ARN`).
    pub close: Option<String>,
}

/// Who sent a message, as far as its queue shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// EventBridge sent it.
    Rule,
    /// This function or its schedule sent it.
    Own,
    /// Lambda sent it, for secret2eks.
    Delivery,
    /// EventBridge sent it, for a rule about reads.
    Reads,
    /// EventBridge sent it, for a rule about the protection of secrets.
    Protection,
    /// Somebody sent it who may close incidents, and nothing else.
    Close,
    /// The topic sent it, or somebody else.
    Topic,
    /// Unknown: there is one queue for all, as in a stack of version 0.1.
    Any,
}

impl Queues {
    /// The sender of a message from the queue `source`.
    #[must_use]
    pub fn way(&self, source: Option<&str>) -> Way {
        let is = |queue: &Option<String>| queue.is_some() && queue.as_deref() == source;
        match self {
            queues if *queues == Self::default() => Way::Any,
            _ if is(&self.rule) => Way::Rule,
            _ if is(&self.own) => Way::Own,
            _ if is(&self.delivery) => Way::Delivery,
            _ if is(&self.reads) => Way::Reads,
            _ if is(&self.protection) => Way::Protection,
            _ if is(&self.close) => Way::Close,
            _ => Way::Topic,
        }
    }
}

impl Way {
    /// Whether that message is accepted from this sender.
    #[must_use]
    pub fn may_say(self, message: &Message) -> bool {
        let sender = match message {
            // Who may close incidents may report nothing.
            Message::Failure(failure) => return self != Self::Close || failure.kind == Kind::MessageUnknown,
            Message::Untrusted { .. } | Message::Information(_) => return true,
            // A call can only notify. An event that a rule cannot deliver goes to the queue of the topic.
            Message::Access(_) => {
                return matches!(self, Self::Reads | Self::Protection | Self::Topic | Self::Any);
            }
            // Not from the only queue of all either: everybody sends to it.
            Message::Close(_) => return self == Self::Close,
            Message::Success(success) => match success.area {
                Area::Rotation => Self::Rule,
                // In the area of functions, only a reconcile of secret2eks succeeds.
                Area::Delivery | Area::Function => Self::Delivery,
                // CloudWatch publishes to the topic. A rule reports that an alarm was deleted.
                Area::Alarm if self == Self::Rule => Self::Rule,
                Area::Alarm => Self::Topic,
                // rotation-watch stores that an inspection found nothing, in the table.
                Area::Revocation
                | Area::Adoption
                | Area::Message
                | Area::Connections
                | Area::Inspection
                | Area::Access => return false,
            },
            // Otherwise, somebody could blame somebody else.
            Message::Stored(_) => Self::Rule,
            Message::Redelivery(_) | Message::Sweep => Self::Own,
        };
        self == sender || self == Self::Any
    }

    /// The name of the queue in alerts and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "the queue of EventBridge's rule",
            Self::Own => "the handler's own queue",
            Self::Delivery => "the queue of secret2eks",
            Self::Reads => "the queue of EventBridge's rules about reads",
            Self::Protection => "the queue of EventBridge's rules about the protection of secrets",
            Self::Close => "the queue of requests to close incidents",
            Self::Topic => "the dead-letter queue",
            Self::Any => "the only queue",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::message::{Closed, Closing, Stored, Success};

    const WAYS: [Way; 8] =
        [Way::Rule, Way::Own, Way::Delivery, Way::Topic, Way::Any, Way::Reads, Way::Protection, Way::Close];

    fn success(area: Area) -> Message {
        let (id, subject) = ("1".to_owned(), "arn".to_owned());
        Message::Success(Success { id, area, subject, at: Timestamp::UNIX_EPOCH, of_test: false })
    }

    fn stored() -> Message {
        let text = || "x".to_owned();
        let at = Timestamp::UNIX_EPOCH;
        Message::Stored(Stored { secret: text(), version: text(), by: text(), call: text(), at })
    }

    fn closing() -> Message {
        let closed = Closed { by: "ada".to_owned(), sender: None, reason: "known".to_owned() };
        let (id, subject) = ("1".to_owned(), "arn".to_owned());
        let (area, sent_at) = (Area::Access, Timestamp::UNIX_EPOCH);
        Message::Close(Closing { id, subject, area, incident_id: None, sent_at, closed })
    }

    #[test]
    fn a_success_and_a_command_are_accepted_from_their_senders_queue_only() {
        let cases = [
            (success(Area::Rotation), [true, false, false, false, true, false, false, false]),
            (success(Area::Delivery), [false, false, true, false, true, false, false, false]),
            (success(Area::Alarm), [true, false, false, true, true, false, false, false]),
            (success(Area::Function), [false, false, true, false, true, false, false, false]),
            (success(Area::Connections), [false; 8]),
            (success(Area::Access), [false; 8]),
            (success(Area::Inspection), [false; 8]),
            (stored(), [true, false, false, false, true, false, false, false]),
            (Message::Sweep, [false, true, false, false, true, false, false, false]),
            (closing(), [false, false, false, false, false, false, false, true]),
            (Message::Information(String::new()), [true; 8]),
        ];
        for (message, expected) in cases {
            assert_eq!(WAYS.map(|way| way.may_say(&message)), expected, "{message:?}");
        }
    }

    #[test]
    fn a_queue_that_is_not_named_is_the_topics_and_without_names_there_is_one_for_all() {
        let named = |name: &str| Some(name.to_owned());
        let queues = Queues {
            rule: named("rule"),
            own: named("own"),
            delivery: None,
            reads: named("reads"),
            protection: named("protection"),
            close: named("close"),
        };
        for (source, way) in [
            (Some("rule"), Way::Rule),
            (Some("own"), Way::Own),
            (Some("reads"), Way::Reads),
            (Some("protection"), Way::Protection),
            (Some("close"), Way::Close),
            (Some("dead-letters"), Way::Topic),
            (None, Way::Topic),
        ] {
            assert_eq!(queues.way(source), way, "{source:?}");
        }
        assert_eq!(Queues::default().way(Some("rule")), Way::Any);
        assert_eq!(Queues::default().way(None), Way::Any);
    }
}

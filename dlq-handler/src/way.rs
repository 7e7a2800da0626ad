//! The queue that a message came through, and which messages are believed from which queue.
//!
//! Each sender has a queue of its own. The queue's policy and the roles in `infra/template.yaml` define who may send to
//! it. Lambda names the queue of each message (`eventSourceARN`). A failure is accepted from every queue, because it only
//! notifies people. A success ends an incident, and a command makes the handler act. So both must come through the queue
//! of their sender.
//!
//! Anyone who may invoke the function can name any queue: no event can prove where it comes from.

use contract::Area;

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
            Self { rule: None, own: None, delivery: None } => Way::Any,
            _ if is(&self.rule) => Way::Rule,
            _ if is(&self.own) => Way::Own,
            _ if is(&self.delivery) => Way::Delivery,
            _ => Way::Topic,
        }
    }
}

impl Way {
    /// Whether that message is accepted from this sender.
    #[must_use]
    pub fn may_say(self, message: &Message) -> bool {
        let sender = match message {
            Message::Failure(_) | Message::Untrusted { .. } | Message::Information(_) => return true,
            Message::Success(success) => match success.area {
                Area::Rotation => Self::Rule,
                // In the area of functions, only a reconcile of secret2eks succeeds.
                Area::Delivery | Area::Function => Self::Delivery,
                // CloudWatch publishes to the topic. A rule reports that an alarm was deleted.
                Area::Alarm if self == Self::Rule => Self::Rule,
                Area::Alarm => Self::Topic,
                Area::Revocation | Area::Adoption | Area::Message | Area::Connections => return false,
            },
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
            Self::Topic => "the dead-letter queue",
            Self::Any => "the only queue",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::message::Success;

    const WAYS: [Way; 5] = [Way::Rule, Way::Own, Way::Delivery, Way::Topic, Way::Any];

    fn success(area: Area) -> Message {
        let (id, subject) = ("1".to_owned(), "arn".to_owned());
        Message::Success(Success { id, area, subject, at: Timestamp::UNIX_EPOCH, of_test: false })
    }

    #[test]
    fn a_success_and_a_command_are_accepted_from_their_senders_queue_only() {
        let cases = [
            (success(Area::Rotation), [true, false, false, false, true]),
            (success(Area::Delivery), [false, false, true, false, true]),
            (success(Area::Alarm), [true, false, false, true, true]),
            (success(Area::Function), [false, false, true, false, true]),
            (success(Area::Connections), [false; 5]),
            (Message::Sweep, [false, true, false, false, true]),
            (Message::Information(String::new()), [true; 5]),
        ];
        for (message, expected) in cases {
            assert_eq!(WAYS.map(|way| way.may_say(&message)), expected, "{message:?}");
        }
    }

    #[test]
    fn a_queue_that_is_not_named_is_the_topics_and_without_names_there_is_one_for_all() {
        let queues = Queues { rule: Some("rule".to_owned()), own: Some("own".to_owned()), delivery: None };
        for (source, way) in [
            (Some("rule"), Way::Rule),
            (Some("own"), Way::Own),
            (Some("dead-letters"), Way::Topic),
            (None, Way::Topic),
        ] {
            assert_eq!(queues.way(source), way, "{source:?}");
        }
        assert_eq!(Queues::default().way(Some("rule")), Way::Any);
        assert_eq!(Queues::default().way(None), Way::Any);
    }
}

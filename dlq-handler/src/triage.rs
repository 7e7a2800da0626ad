//! From the text of a message to its meaning. No message is dropped.

mod access;
mod alarm;
mod close;
mod cloudtrail;
mod harmless;
mod lambda_record;
mod notice;
mod stored;

use contract::{Area, DeliveryRequest, Kind, cut};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::message::{Detail, Failure, Message, Success};
use crate::own_message::OwnMessage;
use crate::redact;
use crate::way::Way;

/// The number of envelopes around a message: one is SNS in SQS, and another is the handler's own waiting message.
const ENVELOPES: usize = 4;

/// A clock may be wrong by this much. A time in a message that is later than this is not accepted.
pub(crate) const LEAD: SignedDuration = SignedDuration::from_mins(5);
/// The longest text about one thing, in bytes: an ARN is shorter, and `DynamoDB` takes a key of 2,048.
const NAME_LIMIT: usize = 1_000;

/// What is known of a message before it is read.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The same in every delivery of the message by SQS. Services before SQS may also repeat a message, with another SQS id.
    /// If a message has an id of its own, that id replaces this one.
    pub id: &'a str,
    /// When SQS received it.
    pub sent_at: Timestamp,
    /// The queue that it came through.
    pub way: Way,
    /// The ARN or name of secret2eks; without one, every function is accepted as it.
    pub deliverer: Option<&'a str>,
    /// Whether it has waited for a message that says more.
    pub waited: bool,
    /// The id of the principal that sent it to the queue, as SQS names it.
    pub sender: Option<&'a str>,
}

/// What a message with this `body` means. A success or a command that did not come from its sender is not accepted.
#[must_use]
pub fn triage(received: Received<'_>, body: &str) -> Message {
    let message = understood(received, body, ENVELOPES).unwrap_or_else(|| unknown(received, body));
    if received.way.may_say(&message) { message } else { untrusted(received, message) }
}

fn understood(received: Received<'_>, body: &str, envelopes: usize) -> Option<Message> {
    let value: Value = serde_json::from_str(body).ok()?;
    if let Ok(own) = OwnMessage::deserialize(&value) {
        return match own {
            OwnMessage::Sweep => Some(Message::Sweep),
            OwnMessage::Redelivery { request } => Some(Message::Redelivery(request)),
            OwnMessage::Waited { body, sent_at } => {
                // Through another queue, only the failure that waited counts.
                let waited = matches!(received.way, Way::Own | Way::Any);
                let received = Received { sent_at: sent_at.min(received.sent_at), waited, ..received };
                let message = understood(received, &body, envelopes.checked_sub(1)?)?;
                matches!(message, Message::Failure(_)).then_some(message)
            }
        };
    }
    if value["Type"] == "Notification" {
        return understood(received, value["Message"].as_str()?, envelopes.checked_sub(1)?);
    }
    close::read(received, &value)
        .or_else(|| notice::read(received, &value))
        .or_else(|| lambda_record::read(received, &value))
        .or_else(|| cloudtrail::read(received, &value))
        .or_else(|| access::read(received, &value))
        .or_else(|| alarm::read(received, &value))
        .or_else(|| stored::read(received, &value))
        .or_else(|| harmless::read(&value))
}

/// One incident for all messages that look the same, so that a flood of them causes one alert.
fn unknown(received: Received<'_>, body: &str) -> Message {
    let excerpt = redact::excerpt(body);
    let shape: String = excerpt.chars().filter(|c| !c.is_ascii_digit()).take(200).collect();
    let subject = short_hash(&shape);
    let detail = Detail {
        message: format!("Message {} of {} bytes begins with: {excerpt}", received.id, body.len()),
        ..Detail::default()
    };
    let kind = Kind::MessageUnknown;
    Message::Failure(Box::new(failure(received, Area::Message, &subject, kind, received.sent_at, detail)))
}

/// One incident for each claim, so that a flood of the same claim is one alert.
fn untrusted(received: Received<'_>, message: Message) -> Message {
    let (what, about, claim) = match message {
        Message::Success(success) => {
            let what = match success.area {
                Area::Rotation => "a rotation succeeded",
                Area::Delivery => "a delivery succeeded",
                Area::Function => "a reconcile succeeded",
                Area::Inspection => "an inspection found nothing",
                _ => "something succeeded",
            };
            // Secrets Manager knows whether a rotation succeeded. It does not know this of a test.
            let is_told = success.area == Area::Rotation && !success.of_test;
            (what, success.subject.clone(), is_told.then_some(success))
        }
        Message::Redelivery(request) => ("command: deliver again", request.secret_arn, None),
        Message::Sweep => ("command: look at the open incidents", String::new(), None),
        Message::Stored(stored) => ("somebody stored a value", stored.secret, None),
        Message::Close(closing) => ("command: close an incident", closing.subject, None),
        Message::Access(access) => ("a call of AWS", access.targets.concat(), None),
        Message::Failure(failure) => ("a failure", failure.subject, None),
        // Other messages claim nothing.
        other => return other,
    };
    Message::Untrusted { failure: Box::new(distrust(received, what, &about)), claim }
}

/// The failure that reports that `what`, about `about`, was not accepted.
fn distrust(received: Received<'_>, what: &str, about: &str) -> Failure {
    let about = if about.is_empty() { String::new() } else { format!(" ({})", cut(about, NAME_LIMIT)) };
    let detail = Detail {
        message: format!(
            "Message {} in {} says \"{what}\"{about}. dlq-handler ignored it, because it did not come from the \
            expected queue or function",
            received.id,
            received.way.as_str()
        ),
        ..Detail::default()
    };
    let subject = format!("untrusted: {what}");
    failure(received, Area::Message, &subject, Kind::MessageUntrusted, received.sent_at, detail)
}

fn success(received: Received<'_>, area: Area, subject: &str, at: Timestamp) -> Message {
    let (id, subject) = (name(received.id), name(subject));
    Message::Success(Success { id, area, subject, at, of_test: false })
}

/// A text as a key of the table: neither empty nor too long, and different for different texts.
fn name(text: &str) -> String {
    match text.len() {
        0 => "unnamed".to_owned(),
        1..=NAME_LIMIT => text.to_owned(),
        _ => format!("{} {}", cut(text, NAME_LIMIT), short_hash(text)),
    }
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn failure(
    received: Received<'_>,
    area: Area,
    subject: &str,
    kind: Kind,
    occurred_at: Timestamp,
    detail: Detail,
) -> Failure {
    Failure {
        id: name(received.id),
        area,
        subject: name(subject),
        kind,
        occurred_at,
        detail,
        delivery: None,
        waited: received.waited,
    }
}

/// The time in a message. If it has none that can be accepted, it is the time when the message was sent.
fn time(value: &Value, received: Received<'_>) -> Timestamp {
    let claimed: Option<Timestamp> = value.as_str().and_then(|text| text.parse().ok());
    let sent_at = received.sent_at;
    match claimed {
        Some(claimed) if claimed.duration_since(sent_at) > LEAD => {
            tracing::warn!(
                message.id = received.id,
                %claimed,
                %sent_at,
                "the message names a time after it was sent, so the time of sending counts"
            );
            sent_at
        }
        Some(claimed) => claimed,
        None => sent_at,
    }
}

/// The delivery that was requested from secret2eks, by a delivery request or by the native event of Secrets Manager.
fn delivery(payload: &Value) -> Option<DeliveryRequest> {
    if let Ok(request) = DeliveryRequest::deserialize(payload) {
        return Some(request);
    }
    let secret_arn = payload["resources"].as_array()?.first()?.as_str()?.to_owned();
    let version_id = payload["detail"]["versionId"].as_str()?.to_owned();
    let promoted_at = payload["time"].as_str().map(str::to_owned);
    Some(DeliveryRequest { secret_arn, version_id, attempt: 1, tested: false, promoted_at })
}

#[cfg(test)]
mod tests;

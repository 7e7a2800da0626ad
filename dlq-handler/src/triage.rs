//! From a message's text to what it is. Whatever it is, it is something: nothing is dropped.

mod cloudtrail;
mod lambda_record;
mod notice;

use contract::{Area, DistributionRequest, Kind};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::message::{Detail, Failure, Message, Success};
use crate::own_message::OwnMessage;
use crate::redact;

/// SNS in SQS is one; our own waiting message around it is another.
const ENVELOPES: usize = 4;

/// What the message `id` with this `body`, sent at `sent_at`, says.
#[must_use]
pub fn triage(id: &str, body: &str, sent_at: Timestamp) -> Message {
    let read = Received { id, sent_at, waited: false };
    understood(read, body, ENVELOPES).unwrap_or_else(|| unknown(read, body))
}

/// What is known of a message without reading it.
#[derive(Debug, Clone, Copy)]
struct Received<'a> {
    /// The same in every delivery of the message by SQS. Those before SQS also repeat, with another id: where
    /// a message has one of its own, that takes this one's place.
    id: &'a str,
    sent_at: Timestamp,
    waited: bool,
}

fn understood(received: Received<'_>, body: &str, envelopes: usize) -> Option<Message> {
    let value: Value = serde_json::from_str(body).ok()?;
    if let Ok(own) = OwnMessage::deserialize(&value) {
        return match own {
            OwnMessage::Sweep => Some(Message::Sweep),
            OwnMessage::Redelivery { request } => Some(Message::Redelivery(request)),
            OwnMessage::Waited { body, sent_at } => {
                understood(Received { sent_at, waited: true, ..received }, &body, envelopes.checked_sub(1)?)
            }
        };
    }
    if value["Type"] == "Notification" {
        return understood(received, value["Message"].as_str()?, envelopes.checked_sub(1)?);
    }
    notice::read(received, &value)
        .or_else(|| lambda_record::read(received, &value))
        .or_else(|| cloudtrail::read(received, &value))
        .or_else(|| alarm(received, &value))
}

/// A CloudWatch alarm, as it is sent to SNS.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html>
fn alarm(received: Received<'_>, value: &Value) -> Option<Message> {
    let (name, state) = (value["AlarmName"].as_str()?, value["NewStateValue"].as_str()?);
    let at = time(&value["StateChangeTime"], received.sent_at);
    let (area, subject) = (Area::Alarm, name.to_owned());
    let id = format!("{name} {state} {at}");
    let received = Received { id: &id, ..received };
    match state {
        "ALARM" => {
            let why = |field: &str| redact::text(value[field].as_str().unwrap_or_default());
            let detail = Detail {
                message: format!("The alarm {name} was raised: {}", why("AlarmDescription")),
                causes: vec![contract::cut(&why("NewStateReason"), 500)],
                ..Detail::default()
            };
            Some(Message::Failure(Box::new(failure(received, area, subject, Kind::AlarmRaised, at, detail))))
        }
        "OK" => Some(Message::Success(Success { id: id.clone(), area, subject, at })),
        other => Some(Message::Information(format!("alarm {name} is in state {}", redact::text(other)))),
    }
}

/// One incident for all messages that look the same, so that a flood of them is one alert.
fn unknown(received: Received<'_>, body: &str) -> Message {
    let excerpt = redact::excerpt(body);
    let shape: String = excerpt.chars().filter(|c| !c.is_ascii_digit()).take(200).collect();
    let digest = Sha256::digest(shape.as_bytes());
    let subject: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let detail = Detail {
        message: format!("Message {} of {} bytes begins with: {excerpt}", received.id, body.len()),
        ..Detail::default()
    };
    let kind = Kind::MessageUnknown;
    Message::Failure(Box::new(failure(received, Area::Message, subject, kind, received.sent_at, detail)))
}

fn failure(
    received: Received<'_>,
    area: Area,
    subject: String,
    kind: Kind,
    occurred_at: Timestamp,
    detail: Detail,
) -> Failure {
    Failure {
        id: received.id.to_owned(),
        area,
        subject,
        kind,
        occurred_at,
        detail,
        delivery: None,
        waited: received.waited,
    }
}

/// A time in a message; when it has none that can be read, when it was sent.
fn time(value: &Value, sent_at: Timestamp) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(sent_at)
}

/// The delivery that secret2eks was asked for: our own request, or the native event of Secrets Manager.
fn delivery(payload: &Value) -> Option<DistributionRequest> {
    if let Ok(request) = DistributionRequest::deserialize(payload) {
        return Some(request);
    }
    let secret_arn = payload["resources"].as_array()?.first()?.as_str()?.to_owned();
    let version_id = payload["detail"]["versionId"].as_str()?.to_owned();
    let promoted_at = payload["time"].as_str().map(str::to_owned);
    Some(DistributionRequest { secret_arn, version_id, attempt: 1, promoted_at })
}

#[cfg(test)]
mod tests;

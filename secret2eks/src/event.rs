//! The events that the function accepts, read strictly: rotation-mq's request, the native event of Secrets Manager,
//! CloudTrail's event of a call, and the orders to reconcile and to look. Because of the native event, a value that is stored by hand is
//! delivered, too.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/secret-event-notifications.html>

use contract::DeliveryRequest;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

mod api_call;
mod look;
mod order;

pub use self::order::{Allowed, Order};

/// The longest ARN that Secrets Manager accepts as `SecretId`.
const ARN_LIMIT: usize = 2_048;
const NATIVE_SOURCE: &str = "aws.secretsmanager";
const NATIVE_TYPE: &str = "Secret Label Updated";
const AWSCURRENT: &str = "AWSCURRENT";

/// What the function is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A secret's current version may have changed: make the cluster match.
    Changed(Change),
    /// A secret was created, deleted or restored, or its tags were changed.
    Life(Life),
    /// Compare the whole cluster with all secrets.
    Reconcile(Order),
    /// Look at the cluster and at the places of these secrets, and change nothing.
    Look(Vec<String>),
    /// Nothing changed that matters to the cluster. Says why.
    Nothing(&'static str),
}

/// What happened to a secret. Where it goes now is looked up, and never taken from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The secret's ARN or name.
    pub secret: String,
    /// Its ARN, if the event names it.
    pub arn: Option<String>,
    /// Whether the cluster may hold it where it no longer goes.
    pub may_leave_copies: bool,
}

/// Which secret changed. secret2eks looks up which version is current, and never takes it from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The secret's ARN.
    pub secret_arn: String,
    /// When the version became AWSCURRENT, if the event says so. The delivery time counts from then.
    pub since: Option<Timestamp>,
    /// Who sent the event.
    pub trigger: Trigger,
    /// The version with which the sender has just logged in, if it says so.
    pub tested: Option<String>,
}

/// The sender of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Somebody asks this function to deliver: rotation-mq, dlq-handler, a person.
    Request,
    /// Secrets Manager's own event, which the secret2eks of every cluster receives.
    NativeEvent,
}

/// Why the function does not accept an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// None of the shapes.
    #[error(
        "the event is none of these: a delivery request (`secretArn`, `versionId`, `attempt`), `{NATIVE_TYPE}` of Secrets \
         Manager, a call that CloudTrail reports, or an `Action`: `reconcile`, `look`"
    )]
    UnknownShape,
    /// It names no secret's ARN.
    #[error("the event does not name one secret by its ARN")]
    NoSecret,
    /// A person allows something and does not say who they are, or why.
    #[error(
        "`TakeBackUpTo`, `By` and `Reason` belong together; a text has 1 to 512 bytes and no control character"
    )]
    Unexplained,
}

/// Reads an event.
///
/// # Errors
/// When it has none of the shapes, or names no secret.
pub fn parse(event: &Value) -> Result<Event, EventError> {
    match event.get("detail-type") {
        Some(kind) if kind == api_call::TYPE => return api_call::parse(event),
        Some(_) => return native(event),
        None if event.get("Action").is_some_and(|action| action == look::ACTION) => {
            return look::parse(event);
        }
        None if event.get("Action").is_some() => return order::parse(event),
        None => {}
    }
    let request = DeliveryRequest::deserialize(event).map_err(|_| EventError::UnknownShape)?;
    let since = request.promoted_at.as_deref().and_then(|time| time.parse().ok());
    let (secret_arn, trigger) = (arn(&request.secret_arn)?, Trigger::Request);
    let tested = Some(request.version_id).filter(|_| request.tested);
    Ok(Event::Changed(Change { secret_arn, since, trigger, tested }))
}

#[derive(Debug, Deserialize)]
struct NativeEvent {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: String,
    resources: Vec<String>,
    detail: NativeDetail,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NativeDetail {
    label_updated: String,
}

fn native(event: &Value) -> Result<Event, EventError> {
    let event = NativeEvent::deserialize(event).map_err(|_| EventError::UnknownShape)?;
    if event.source != NATIVE_SOURCE || event.detail_type != NATIVE_TYPE {
        return Err(EventError::UnknownShape);
    }
    let [secret] = event.resources.as_slice() else { return Err(EventError::NoSecret) };
    let secret_arn = arn(secret)?;
    if event.detail.label_updated != AWSCURRENT {
        return Ok(Event::Nothing("the staging label that moved is not AWSCURRENT"));
    }
    let (since, trigger) = (event.time.parse().ok(), Trigger::NativeEvent);
    Ok(Event::Changed(Change { secret_arn, since, trigger, tested: None }))
}

fn arn(text: &str) -> Result<String, EventError> {
    let is_secret = text.starts_with("arn:") && text.contains(":secretsmanager:") && text.len() <= ARN_LIMIT;
    if is_secret { Ok(text.to_owned()) } else { Err(EventError::NoSecret) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
    const VERSION: &str = "0123456789abcdef0123456789abcdef";

    fn native_event() -> Value {
        json!({
            "version": "0", "id": "x", "account": "123456789012", "region": "eu-central-1",
            "source": "aws.secretsmanager", "detail-type": "Secret Label Updated",
            "time": "2026-11-25T03:00:00Z", "resources": [ARN],
            "detail": {"name": "rabbitmq/payment", "labelUpdated": "AWSCURRENT", "versionId": VERSION},
        })
    }

    fn changed(trigger: Trigger, since: &str) -> Result<Event, EventError> {
        let (secret_arn, since) = (ARN.to_owned(), since.parse().ok());
        Ok(Event::Changed(Change { secret_arn, since, trigger, tested: None }))
    }

    #[test]
    fn a_request_and_the_native_event_name_a_secret_and_since_when_it_is_current() {
        let mut request = json!({
            "secretArn": ARN, "versionId": VERSION, "attempt": 1, "promotedAt": "2026-11-25T03:00:00.5Z",
        });
        assert_eq!(parse(&request), changed(Trigger::Request, "2026-11-25T03:00:00.5Z"));
        request["promotedAt"] = Value::Null;
        assert_eq!(parse(&request), changed(Trigger::Request, "unknown"));
        assert_eq!(parse(&native_event()), changed(Trigger::NativeEvent, "2026-11-25T03:00:00Z"));
    }

    #[test]
    fn only_a_request_that_says_so_vouches_for_its_version() {
        let tested = |event: &Value| match parse(event) {
            Ok(Event::Changed(change)) => change.tested,
            _ => None,
        };
        let request =
            |tested: Value| json!({"secretArn": ARN, "versionId": VERSION, "attempt": 1, "tested": tested});
        assert_eq!(tested(&request(json!(true))).as_deref(), Some(VERSION));
        assert_eq!(tested(&request(json!(false))), None);
        assert_eq!(parse(&request(json!("true"))), Err(EventError::UnknownShape));
        let mut native = native_event();
        native["tested"] = json!(true);
        native["detail"]["tested"] = json!(true);
        assert_eq!(tested(&native), None);
    }

    #[test]
    fn another_label_is_no_business_of_the_cluster() {
        let mut event = native_event();
        event["detail"]["labelUpdated"] = json!("BLUE");
        assert_eq!(parse(&event), Ok(Event::Nothing("the staging label that moved is not AWSCURRENT")));
    }

    #[test]
    fn a_call_and_an_order_are_told_from_the_native_event_by_their_form() {
        let call = json!({
            "source": "aws.secretsmanager", "detail-type": "AWS API Call via CloudTrail",
            "detail": {"eventName": "RestoreSecret", "requestParameters": {"secretId": ARN}},
        });
        assert!(matches!(parse(&call), Ok(Event::Life(_))));
        assert!(matches!(parse(&json!({"Action": "reconcile"})), Ok(Event::Reconcile(_))));
        assert!(matches!(parse(&json!({"Action": "look"})), Ok(Event::Look(_))));
    }

    #[test]
    fn other_shapes_are_refused() {
        let with = |field: &str, value: Value| {
            let mut event = native_event();
            event[field] = value;
            event
        };
        let table = [
            (json!(null), EventError::UnknownShape),
            (json!([]), EventError::UnknownShape),
            (json!({}), EventError::UnknownShape),
            (json!({"secretArn": ARN}), EventError::UnknownShape),
            (json!({"secretArn": ARN, "versionId": VERSION, "attempt": "1"}), EventError::UnknownShape),
            (json!({"secretArn": "payment", "versionId": VERSION, "attempt": 1}), EventError::NoSecret),
            (with("source", json!("aws.s3")), EventError::UnknownShape),
            (with("detail-type", json!("AWS API Call via CloudTrail")), EventError::UnknownShape),
            (json!({"Action": "other"}), EventError::UnknownShape),
            (with("detail", json!({})), EventError::UnknownShape),
            (with("resources", json!([])), EventError::NoSecret),
            (with("resources", json!([ARN, ARN])), EventError::NoSecret),
            (with("resources", json!(["arn:aws:s3:::bucket"])), EventError::NoSecret),
            (with("resources", json!([format!("{ARN}{}", "x".repeat(ARN_LIMIT))])), EventError::NoSecret),
        ];
        for (event, expected) in table {
            assert_eq!(parse(&event), Err(expected), "{event}");
        }
    }
}

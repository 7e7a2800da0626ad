use std::path::Path;

use contract::{Area, Kind};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Received, triage};
use crate::message::{Failure, Message};
use crate::way::Way;

mod accepted;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const VERSION: &str = "0123456789abcdef0123456789abcdef";

fn fixture(name: &str) -> std::io::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read_to_string(folder.join(format!("{name}.json")))
}

fn sent_at() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap_or_default()
}

/// The function of the fixtures.
const DELIVERER: &str = "arn:aws:lambda:eu-central-1:123456789012:function:rotation-secret2eks";

fn received(id: &str) -> Received<'_> {
    Received {
        id,
        sent_at: sent_at(),
        way: Way::Any,
        deliverer: Some(DELIVERER),
        waited: false,
        sender: None,
    }
}

fn read(body: &str) -> Message {
    triage(received("m1"), body)
}

fn read_from(way: Way, body: &str) -> Message {
    triage(Received { way, ..received("m1") }, body)
}

/// What a message is, in one line.
fn line(message: &Message) -> String {
    let time = |at: Timestamp| at.strftime("%H:%M:%S").to_string();
    let subject = |subject: &str| subject.replace(SECRET, "SECRET");
    match message {
        Message::Failure(failure) => {
            let attempt = failure.delivery.as_ref().map(|delivery| delivery.attempt);
            format!(
                "failure {} of {} in {} at {} attempt {attempt:?}",
                failure.kind,
                subject(&failure.subject),
                failure.area.as_str(),
                time(failure.occurred_at)
            )
        }
        Message::Success(success) => format!(
            "success of {}{} in {} at {}",
            if success.of_test { "a test of " } else { "" },
            subject(&success.subject),
            success.area.as_str(),
            time(success.at)
        ),
        Message::Stored(stored) => format!("stored in {} by {}", stored.secret, stored.words()),
        Message::Redelivery(request) => format!("redelivery, attempt {}", request.attempt),
        Message::Sweep => "sweep".to_owned(),
        Message::Access(access) => format!("call {}", access.operation),
        Message::Close(closing) => format!("close {}", subject(&closing.subject)),
        Message::Untrusted { failure, claim } => {
            format!("{}, claims a success: {}", subject(&failure.subject), claim.is_some())
        }
        Message::Information(text) => format!("information: {}", subject(text)),
    }
}

/// Every shape that can come, and what it is.
const SHAPES: [(&str, &str); 34] = [
    ("notice", "failure admin.login_refused of SECRET in rotation at 08:00:00 attempt None"),
    (
        "notice-request-failed",
        "failure delivery.request_failed of SECRET in delivery at 08:00:00 attempt Some(1)",
    ),
    ("notice-revoke", "failure revoke.refused of SECRET in revocation at 08:00:00 attempt None"),
    ("notice-adopt", "failure adopt.refused of SECRET in adoption at 08:00:00 attempt None"),
    (
        "notice-configuration",
        "failure configuration.invalid of rotation-rotation-mq in function at 08:00:00 attempt None",
    ),
    ("on-failure-request", "failure delivery.not_synced of SECRET in delivery at 08:00:10 attempt Some(2)"),
    ("on-failure-native-event", "failure function.crashed of SECRET in delivery at 08:00:10 attempt Some(1)"),
    (
        "on-failure-without-answer",
        "failure function.crashed of rotation-rotation-watch in function at 08:00:10 attempt None",
    ),
    (
        "on-failure-reconcile",
        "failure delivery.timed_out of rotation-secret2eks reconcile in function at 08:00:10 attempt None",
    ),
    (
        "on-failure-life",
        "failure cluster.unreachable of rotation-secret2eks reconcile in function at 08:00:10 attempt None",
    ),
    ("on-success-reconcile", "success of rotation-secret2eks reconcile in function at 08:00:10"),
    ("on-success", "success of SECRET in delivery at 08:00:10"),
    ("on-success-unchecked", "failure delivery.unchecked of SECRET in delivery at 08:00:10 attempt None"),
    ("on-success-held-back", "failure delivery.held_back of SECRET in delivery at 08:00:10 attempt None"),
    ("notice-inspection", "failure grants.differ of SECRET in inspection at 08:00:00 attempt None"),
    (
        "call-put-secret-value",
        "stored in rabbitmq/payment by arn:aws:sts::123456789012:assumed-role/developer/ann (PutSecretValue at \
         2026-11-25 08:00:00 UTC)",
    ),
    ("on-success-of-another-cluster", "information: rotation-secret2eks leaves SECRET to another cluster"),
    ("cloudtrail-rotation-failed", "failure rotation.failed of SECRET in rotation at 08:00:04 attempt None"),
    (
        "cloudtrail-test-rotation-failed",
        "failure rotation.test_failed of SECRET in rotation at 08:00:04 attempt None",
    ),
    (
        "cloudtrail-rotation-failed-2",
        "failure rotation.failed of SECRET in rotation at 08:00:04 attempt None",
    ),
    ("cloudtrail-test-rotation-succeeded", "success of a test of SECRET in rotation at 08:00:04"),
    (
        "cloudtrail-version-delete",
        "information: AWS Service Event via CloudTrail StartSecretVersionDelete: no failure",
    ),
    ("cloudtrail-rotation-succeeded", "success of SECRET in rotation at 08:00:04"),
    ("cloudtrail-rotation-abandoned", "information: RotationAbandoned: SECRET"),
    (
        "alarm-alarm",
        "failure alarm.raised of rotation-rotation-mq-throttles in alarm at 08:00:00 attempt None",
    ),
    ("alarm-ok", "success of rotation-rotation-mq-throttles in alarm at 08:00:00"),
    ("alarm-insufficient-data", "success of rotation-rotation-mq-throttles in alarm at 08:00:00"),
    (
        "event-alarm-alarm",
        "failure alarm.raised of rotation-rotation-mq-throttles in alarm at 08:00:05 attempt None",
    ),
    ("event-alarm-ok", "success of rotation-rotation-mq-throttles in alarm at 08:00:05"),
    ("event-alarm-deleted", "success of rotation-rotation-mq-throttles in alarm at 08:00:05"),
    (
        "event-alarm-updated",
        "information: CloudWatch Alarm Configuration Change rotation-rotation-mq-throttles: no failure",
    ),
    (
        "subscription-confirmation",
        "information: SubscriptionConfirmation of rotation-dead-letters: no failure",
    ),
    ("sweep", "sweep"),
    ("redelivery", "redelivery, attempt 2"),
];

#[test]
fn every_shape_is_understood_raw_and_in_an_envelope_of_sns() -> Outcome {
    for (name, expected) in SHAPES {
        let body = fixture(name)?;
        let read_raw = read(&body);
        assert_eq!(line(&read_raw), expected, "{name}");
        let envelope = json!({"Type": "Notification", "MessageId": "x", "TopicArn": "t", "Message": body});
        assert_eq!(read(&envelope.to_string()), read_raw, "{name} in an envelope");
    }
    Ok(())
}

#[test]
fn every_fixture_is_in_the_table() -> Outcome {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        assert!(SHAPES.iter().any(|(known, _)| *known == name), "{name}");
    }
    Ok(())
}

#[test]
fn a_notice_of_any_kind_is_a_failure_of_that_kind() -> Outcome {
    for kind in Kind::ALL {
        let mut notice: Value = serde_json::from_str(&fixture("notice")?)?;
        notice["kind"] = json!(kind);
        if kind.is_of_a_past_attempt() {
            assert!(
                matches!(read(&notice.to_string()), Message::Information(text) if text.contains(kind.as_str()))
            );
            notice["step"] = json!("revokePrevious");
        }
        let Message::Failure(failure) = read(&notice.to_string()) else {
            return Err(format!("{kind} is no failure").into());
        };
        assert_eq!(failure.kind, *kind);
        let about_the_function = matches!(kind, Kind::ConfigurationInvalid | Kind::EventInvalid);
        assert_eq!(failure.subject == SECRET, !about_the_function, "{kind}");
        assert_eq!(failure.delivery.is_some(), *kind == Kind::DeliveryRequestFailed, "{kind}");
    }
    Ok(())
}

#[test]
fn an_event_that_is_refused_is_a_failure_of_its_function_whatever_secret_and_action_it_names() -> Outcome {
    for step in [json!(null), json!("setSecret"), json!("revokePrevious")] {
        let mut notice: Value = serde_json::from_str(&fixture("notice")?)?;
        (notice["kind"], notice["step"]) = (json!(Kind::EventInvalid), step);
        let Message::Failure(failure) = read(&notice.to_string()) else { return Err("no failure".into()) };
        assert_eq!((failure.area, failure.subject.as_str()), (Area::Function, "rotation-rotation-mq"));
        assert_eq!(failure.detail.secret.as_deref(), Some(SECRET));
    }
    Ok(())
}

#[test]
fn a_delivery_failure_of_any_kind_keeps_its_kind_and_its_request() -> Outcome {
    for kind in Kind::ALL {
        let mut record: Value = serde_json::from_str(&fixture("on-failure-request")?)?;
        record["responsePayload"]["errorType"] = json!(kind);
        let Message::Failure(failure) = read(&record.to_string()) else {
            return Err(format!("{kind} is no failure").into());
        };
        if *kind == Kind::EventInvalid {
            assert_eq!((failure.area, failure.delivery), (Area::Function, None), "{kind}");
            assert_eq!(failure.detail.secret.as_deref(), Some(SECRET));
            continue;
        }
        assert_eq!((failure.kind, failure.area), (*kind, Area::Delivery));
        let request = failure.delivery.as_ref().ok_or("no request")?;
        assert_eq!((request.secret_arn.as_str(), request.version_id.as_str()), (SECRET, VERSION));
        assert_eq!(request.promoted_at.as_deref(), Some("2026-11-25T07:59:00Z"));
    }
    Ok(())
}

#[test]
fn a_native_event_that_failed_is_requested_as_delivery_of_its_version() -> Outcome {
    let Message::Failure(failure) = read(&fixture("on-failure-native-event")?) else {
        return Err("no failure".into());
    };
    let request = failure.delivery.ok_or("no request")?;
    assert_eq!((request.version_id.as_str(), request.attempt), (VERSION, 1));
    assert_eq!(request.promoted_at.as_deref(), Some("2026-11-25T07:59:30Z"));
    assert!(!failure.detail.message.contains("swordfish"), "{}", failure.detail.message);
    Ok(())
}

#[test]
fn the_same_failure_has_the_same_id_however_often_it_is_delivered() -> Outcome {
    for (name, _) in SHAPES {
        let body = fixture(name)?;
        let id = |message_id: &str| match triage(received(message_id), &body) {
            Message::Failure(failure) => failure.id,
            Message::Success(success) => success.id,
            _ => String::new(),
        };
        // A function that does not start has no request.
        let has_its_own = name != "notice-configuration";
        assert_eq!(id("m1") == id("m2"), has_its_own, "{name}");
    }
    Ok(())
}

#[test]
fn a_message_that_has_waited_says_the_same_and_that_it_has_waited() -> Outcome {
    let body = fixture("cloudtrail-rotation-failed")?;
    let waited = json!({"schema": "dlq-handler-waited/1", "body": body, "sentAt": "2026-11-25T08:00:06Z"});
    let (Message::Failure(before), Message::Failure(after)) = (read(&body), read(&waited.to_string())) else {
        return Err("no failures".into());
    };
    assert!(!before.waited && after.waited);
    assert_eq!(Failure { waited: false, ..*after }, *before);
    Ok(())
}

#[test]
fn anything_else_is_reported_with_an_excerpt_and_without_its_credentials() {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let cases = [
        "",
        "no JSON, password=swordfish",
        "{}",
        "[]",
        "null",
        r#"{"schema":"rotation-failure/1","kind":"a.kind.of.tomorrow","password":"swordfish"}"#,
        r#"{"schema":"rotation-failure/2"}"#,
        r#"{"Type":"Notification","Message":"this is no JSON, secretToken: swordfish"}"#,
        r#"{"Type":"Notification"}"#,
        r#"{"source":"aws.secretsmanager","detail":{"eventName":"PutSecretValue","secretString":"swordfish"}}"#,
        r#"{"source":"aws.secretsmanager","detail":{"eventName":"RotationFailed"}}"#,
        r#"{"schema":"dlq-handler-redelivery/1"}"#,
        deep.as_str(),
    ];
    for body in cases {
        let Message::Failure(failure) = read(body) else { panic!("{body} is no failure") };
        assert_eq!((failure.kind, failure.area), (Kind::MessageUnknown, Area::Message), "{body}");
        let text = &failure.detail.message;
        assert!(text.contains("m1") && text.len() < 1_000, "{text}");
        assert!(
            !text.contains("=swordfish") && !text.contains(": swordfish") && !text.contains(":\"swordfish"),
            "{text}"
        );
    }
}

#[test]
fn envelopes_in_envelopes_end() {
    let mut body = "{}".to_owned();
    for _ in 0..10 {
        body = json!({"Type": "Notification", "Message": body}).to_string();
    }
    assert!(matches!(read(&body), Message::Failure(failure) if failure.kind == Kind::MessageUnknown));
}

#[test]
fn messages_that_look_the_same_are_one_subject_and_others_are_not() {
    let subject = |body: &str| match read(body) {
        Message::Failure(failure) => failure.subject,
        _ => String::new(),
    };
    assert_eq!(subject("job 17 failed"), subject("job 18 failed"));
    assert_ne!(subject("job 17 failed"), subject("job 17 was late"));
}

#[test]
fn no_time_in_a_message_is_later_than_when_it_was_sent() -> Outcome {
    let fields = [
        ("notice", "/occurredAt"),
        ("notice-revoke", "/occurredAt"),
        ("on-failure-request", "/timestamp"),
        ("on-success", "/timestamp"),
        ("cloudtrail-rotation-failed", "/detail/eventTime"),
        ("cloudtrail-rotation-succeeded", "/detail/eventTime"),
        ("alarm-alarm", "/StateChangeTime"),
        ("alarm-ok", "/StateChangeTime"),
    ];
    let near = sent_at() + jiff::SignedDuration::from_mins(4);
    let far = sent_at() + jiff::SignedDuration::from_mins(6);
    let past = sent_at() - jiff::SignedDuration::from_hours(24 * 400);
    for (name, field) in fields {
        let read_at = |time: &str| -> Result<Timestamp, Box<dyn std::error::Error>> {
            let mut body: Value = serde_json::from_str(&fixture(name)?)?;
            *body.pointer_mut(field).ok_or("no such field")? = json!(time);
            match read(&body.to_string()) {
                Message::Failure(failure) => Ok(failure.occurred_at),
                Message::Success(success) => Ok(success.at),
                other => Err(format!("{name}: {other:?}").into()),
            }
        };
        for (claimed, expected) in [
            ("9998-01-01T00:00:00Z", sent_at()),
            (&*far.to_string(), sent_at()),
            (&*near.to_string(), near),
            (&*past.to_string(), past),
            ("yesterday", sent_at()),
            ("", sent_at()),
        ] {
            assert_eq!(read_at(claimed)?, expected, "{name} {claimed}");
        }
    }
    Ok(())
}

#[test]
fn nothing_in_a_message_makes_a_key_that_the_table_does_not_take() -> Outcome {
    let long = "ö".repeat(100_000);
    for text in ["", "\u{0}", &long] {
        let mut notice: Value = serde_json::from_str(&fixture("notice")?)?;
        for field in ["secretArn", "requestId", "versionId", "user", "broker", "function", "message"] {
            notice[field] = json!(text);
        }
        let Message::Failure(failure) = read(&notice.to_string()) else { return Err("no failure".into()) };
        for key in [&failure.subject, &failure.id] {
            assert!((1..=2_048).contains(&key.len()), "{} bytes", key.len());
        }
        assert!(serde_json::to_string(&failure.detail)?.len() < 20_000);
    }
    let body = fixture("cloudtrail-rotation-succeeded")?.replace(SECRET, &long);
    assert!(matches!(read(&body), Message::Success(success) if success.subject.len() <= 2_048));
    Ok(())
}

#[test]
fn a_session_that_outlives_rotations_is_an_incident_beside_that_of_the_rotation() -> Outcome {
    let mut notice: Value = serde_json::from_str(&fixture("notice")?)?;
    notice["kind"] = json!("connections.outlived");
    let Message::Failure(failure) = read(&notice.to_string()) else { return Err("no failure".into()) };
    assert_eq!((failure.area, failure.subject.as_str()), (Area::Connections, SECRET));
    Ok(())
}

#[test]
fn the_error_that_secrets_manager_names_is_in_the_words_of_a_failed_rotation() -> Outcome {
    let Message::Failure(failure) = read(&fixture("cloudtrail-rotation-failed-2")?) else {
        return Err("no failure".into());
    };
    let message = &failure.detail.message;
    assert!(
        message.contains("Error when executing lambda") && message.contains("during createSecret step"),
        "{message}"
    );
    Ok(())
}

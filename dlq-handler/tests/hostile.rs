//! Hostile messages: notices, records of Lambda, CloudTrail, alarms, and their envelopes. See the crate `hostile`.

use std::fs;
use std::path::Path;

use contract::Area;
use dlq_handler::error::HandlerError;
use dlq_handler::message::{Failure, Message};
use dlq_handler::redact;
use dlq_handler::sqs_event::SqsEvent;
use dlq_handler::triage::{Received, triage};
use dlq_handler::way::Way;
use hostile::{Report, Target, canary};
use jiff::Timestamp;
use serde_json::{Value, json};

const WAYS: [Way; 8] =
    [Way::Rule, Way::Own, Way::Delivery, Way::Reads, Way::Protection, Way::Close, Way::Topic, Way::Any];
/// The longest item of the table of incidents is 400 KB. A failure is a small part of it.
const FAILURE_BYTES: usize = 64 * 1024;

/// All messages that the tests of `triage` read.
fn fixtures() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = ["fixtures", "calls"].map(|name| fs::read_dir(folder.join(name)));
    let files = folders.into_iter().flatten().flatten().flatten().map(|entry| entry.path());
    let texts = files.filter_map(|file| fs::read_to_string(file).ok());
    let all: Vec<Value> = texts.filter_map(|text| serde_json::from_str(&text).ok()).collect();
    assert!(all.len() > 25, "the messages are missing");
    all
}

fn documents() -> Vec<String> {
    let mut all = fixtures();
    let own = all.clone();
    let in_sns = own.iter().map(|message| json!({"Type": "Notification", "Message": message.to_string()}));
    all.extend(in_sns);
    let waited = json!({"schema": "dlq-handler-waited/1", "body": own.first().unwrap_or(&Value::Null).to_string(),
        "sentAt": "2026-11-25T03:00:00Z"});
    all.push(waited);
    // What nobody should send: the handler quotes it without the credentials.
    all.extend([
        json!({"SecretString": json!({"password": canary::PASSWORD}).to_string(), "note": "kept"}),
        json!({"password": canary::PASSWORD, "RotationToken": canary::TOKEN}),
        json!(["text", canary::PASSWORD]),
        json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted", "functionArn": "arn:f"},
            "requestPayload": {"Step": "setSecret", "RotationToken": canary::TOKEN},
            "responsePayload": {"errorType": "x", "errorMessage": "no"}}),
    ]);
    all.iter().map(ToString::to_string).collect()
}

fn check(failure: &Failure) {
    let text = serde_json::to_string(&failure.detail).unwrap_or_default();
    assert!(text.len() <= FAILURE_BYTES, "the detail has {} bytes", text.len());
    assert!((1..=1_100).contains(&failure.subject.len()), "{} bytes of subject", failure.subject.len());
    assert!((1..=1_100).contains(&failure.id.len()), "{} bytes of id", failure.id.len());
}

#[test]
fn hostile_input_failure_messages_become_a_message_of_limited_size() {
    let now = Timestamp::from_second(1_900_000_000).unwrap_or_default();
    hostile::run(&Target::of("failure-messages", &[]), &documents(), |body: &String| {
        let mut report = Report::accepted(&redact::excerpt(body));
        for way in WAYS {
            let received = Received {
                id: "m1",
                sent_at: now,
                way,
                deliverer: None,
                waited: false,
                sender: Some("AROA:ada"),
            };
            let message = triage(received, body);
            match &message {
                Message::Failure(failure) | Message::Untrusted { failure, .. } => check(failure),
                Message::Success(success) => assert!(success.subject.len() <= 1_100, "a long subject"),
                _ => {}
            }
            // A failure about an unknown message quotes it. All others hold public fields of a known form.
            if let Message::Failure(failure) = &message
                && failure.area == Area::Message
            {
                report = report.and(failure);
            }
        }
        report
    });
}

#[test]
fn hostile_input_message_batches_are_refused_by_the_name_of_a_field() {
    let now = Timestamp::from_second(1_900_000_000).unwrap_or_default();
    let record = json!({"messageId": "m1", "body": canary::PASSWORD, "eventSourceARN": "arn:aws:sqs:x:1:q",
        "attributes": {"SentTimestamp": "1800000000000", "SenderId": "AROA:ada"}});
    let documents = [json!({"Records": [record, {"messageId": "m2"}]}), json!({"Records": []})];
    hostile::run(&Target::of("message-batches", &["`Records`"]), &documents, |event| {
        match serde_json::from_value::<SqsEvent>(event.clone()) {
            Err(_) => Report::refused(&HandlerError::Event),
            Ok(batch) => {
                let times: Vec<Timestamp> = batch.records.iter().map(|record| record.sent_at(now)).collect();
                assert!(times.iter().all(|time| *time <= now), "a time in the future");
                Report::accepted(&times.len())
            }
        }
    });
}

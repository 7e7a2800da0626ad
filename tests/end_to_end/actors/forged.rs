//! Forged messages.

use anyhow::Result;
use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use serde_json::{Value, json};

/// A time far after the arrival of every message.
pub const FUTURE: &str = "9998-01-01T00:00:00Z";

/// The current time in the format of the messages.
pub fn now() -> Result<String> {
    let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    Ok(DateTime::from_secs(i64::try_from(seconds)?).fmt(DateTimeFormat::DateTime)?)
}

/// The event that EventBridge delivers after a successful rotation.
pub fn succeeded(secret: &str, at: &str) -> Value {
    json!({
        "source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail",
        "id": format!("forged {secret} {at}"),
        "detail": {
            "eventName": "RotationSucceeded", "eventTime": at,
            "additionalEventData": {"SecretId": secret},
        },
    })
}

/// The record that Lambda writes after secret2eks has delivered a secret.
pub fn delivered(secret: &str, function: &str, at: &str) -> Value {
    json!({
        "version": "1.0", "timestamp": at,
        "requestContext": {
            "requestId": format!("forged {secret} {at}"), "functionArn": function, "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"secretArn": secret, "versionId": secret, "attempt": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"outcome": "delivered"},
    })
}

/// The record that Lambda writes after the last failed attempt of secret2eks.
pub fn undelivered(secret: &str, function: &str, at: &str) -> Value {
    let mut record = delivered(secret, function, at);
    record["requestContext"]["condition"] = json!("RetriesExhausted");
    record["responseContext"]["functionError"] = json!("Unhandled");
    record["responsePayload"] = json!({
        "errorType": "delivery.name_taken", "errorMessage": "it belongs to another ExternalSecret",
    });
    record
}

/// A batch in the format that Lambda uses for a queue.
pub fn batch(queue: &str, bodies: &[&str]) -> Value {
    let record = |(number, body): (usize, &&str)| {
        json!({
            "messageId": format!("forged {number} {}", body.len()), "body": body, "eventSource": "aws:sqs",
            "eventSourceARN": queue,
            "attributes": {"SentTimestamp": "253370764800000", "ApproximateReceiveCount": "1"},
        })
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}

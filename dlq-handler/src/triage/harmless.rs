//! Messages that AWS sends by itself to every subscriber or rule, and that report no failure.

use serde_json::Value;

use crate::message::Message;
use crate::redact;

/// SNS's own messages. <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>
const OF_SNS: [&str; 2] = ["SubscriptionConfirmation", "UnsubscribeConfirmation"];
/// Other events of the sources that this handler reads, by EventBridge's `source` and `detail-type`.
const OF_EVENT_BRIDGE: [(&str, &str); 4] = [
    ("aws.kms", "AWS API Call via CloudTrail"),
    ("aws.secretsmanager", "AWS API Call via CloudTrail"),
    ("aws.secretsmanager", "Secret Label Updated"),
    ("aws.cloudwatch", "CloudWatch Alarm Configuration Change"),
];

/// Secrets Manager's own events that report no failure. An event that is not among them, or whose secret cannot be read,
/// is unknown, and people are notified.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html>
const OF_SECRETS_MANAGER: [&str; 8] = [
    "RotationStarted",
    "RotationAbandoned",
    "TestRotationStarted",
    "TestRotationSucceeded",
    "StartSecretVersionDelete",
    "CancelSecretVersionDelete",
    "EndSecretVersionDelete",
    "SecretVersionDeletionFinished",
];

pub(super) fn read(value: &Value) -> Option<Message> {
    let text = |field: &str| value[field].as_str();
    let what = if let Some(kind) = text("Type").filter(|kind| OF_SNS.contains(kind)) {
        format!("{kind} of {}", redact::text(text("TopicArn")?.rsplit(':').next()?))
    } else {
        let (source, kind) = (text("source")?, text("detail-type")?);
        let name = value["detail"]["eventName"].as_str().or(value["detail"]["alarmName"].as_str());
        let is_service_event = (source, kind) == ("aws.secretsmanager", "AWS Service Event via CloudTrail");
        let is_known = is_service_event && name.is_some_and(|name| OF_SECRETS_MANAGER.contains(&name));
        if !is_known && !OF_EVENT_BRIDGE.contains(&(source, kind)) {
            return None;
        }
        format!("{kind} {}", redact::text(name.unwrap_or_default()))
    };
    Some(Message::Information(format!("{what}: no failure")))
}

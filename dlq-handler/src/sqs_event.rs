//! The batch of SQS messages that Lambda sends, and the answer that names the failed ones.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What Lambda's event source mapping sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SqsEvent {
    /// The messages, up to the batch size.
    #[serde(rename = "Records")]
    pub records: Vec<SqsRecord>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// The same in every delivery of it.
    pub message_id: String,
    /// Its text.
    #[serde(default)]
    pub body: String,
    /// The queue that it came from.
    #[serde(default, rename = "eventSourceARN")]
    pub queue_arn: Option<String>,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    #[serde(default)]
    sent_timestamp: Option<String>,
    #[serde(default)]
    sender_id: Option<String>,
}

/// The answer to Lambda: these messages stay in the queue, and Lambda deletes all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// The messages to keep.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// A message to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// Its id.
    pub item_identifier: String,
}

impl SqsEvent {
    /// Reads an event. None if it is another one.
    #[must_use]
    pub fn read(payload: Value) -> Option<Self> {
        serde_json::from_value(payload).ok()
    }
}

impl SqsRecord {
    /// The id of the principal that sent it. For a role, it is the role's id and the name of the session.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.attributes.sender_id.as_deref()
    }

    /// When it was sent. It is `now` if SQS names no time, or a time in the future.
    #[must_use]
    pub fn sent_at(&self, now: Timestamp) -> Timestamp {
        let milliseconds = self.attributes.sent_timestamp.as_deref().and_then(|text| text.parse().ok());
        milliseconds.and_then(|sent| Timestamp::from_millisecond(sent).ok()).unwrap_or(now).min(now)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_is_read_and_the_failed_messages_are_named() -> Result<(), Box<dyn std::error::Error>> {
        let event: SqsEvent = serde_json::from_value(json!({"Records": [
            {"messageId": "m1", "body": "text", "attributes": {"SentTimestamp": "1800000000000"}, "eventSource": "aws:sqs",
             "eventSourceARN": "arn:queue"},
            {"messageId": "m2"},
        ]}))?;
        let sent = |now: i64| -> Result<Vec<i64>, jiff::Error> {
            let now = Timestamp::from_second(now)?;
            Ok(event.records.iter().map(|record| record.sent_at(now).as_second()).collect())
        };
        assert_eq!(sent(1_900_000_000)?, [1_800_000_000, 1_900_000_000]);
        assert_eq!(sent(1_700_000_000)?, [1_700_000_000; 2], "nothing was sent after it arrived");
        let queues: Vec<_> = event.records.iter().map(|record| record.queue_arn.as_deref()).collect();
        assert_eq!(queues, [Some("arn:queue"), None]);
        let failed = ItemFailure { item_identifier: "m2".to_owned() };
        assert_eq!(
            serde_json::to_value(BatchAnswer { batch_item_failures: vec![failed] })?,
            json!({"batchItemFailures": [{"itemIdentifier": "m2"}]})
        );
        Ok(())
    }
}

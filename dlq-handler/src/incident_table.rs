//! The table of incidents: the only state of this function.
//!
//! An item is read, changed, and written if nobody else has written it in between.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use contract::Area;
use jiff::{SignedDuration, Timestamp};
use lambda_boundary::AwsError;

use crate::incident::Record;

mod budget;
mod inspected;
mod round;
mod storers;

pub use round::{Found, Page, Place, Round};

/// The subject of the items that the function stores for itself.
const OWN: &str = "dlq-handler";
/// After this time, nobody needs a closed incident, and `DynamoDB` removes it.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);
/// `DynamoDB`.
#[derive(Debug)]
pub struct IncidentTable {
    client: Client,
    table: String,
    timeout: Duration,
}

/// The table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// `DynamoDB` refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// An item cannot be written as JSON.
    #[error("the item of {subject} in the table of incidents cannot be written")]
    Unwritable {
        /// Its subject.
        subject: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl IncidentTable {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, table: String, timeout: Duration) -> Self {
        Self { client: Client::new(config), table, timeout }
    }

    /// What is known of a subject.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn read(&self, subject: &str, area: Area) -> Result<Record, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("subject", text(subject))
            .key("area", text(area.key()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "GetItem", self.timeout, &error))?;
        match answer.item.as_ref().and_then(|item| item.get("record")).and_then(|value| value.as_s().ok()) {
            None => Ok(Record::new(subject.to_owned(), area)),
            Some(json) => Ok(parse(json).unwrap_or_else(|error| {
                // A failure of this subject must not be lost because the item is unreadable. A new record replaces it.
                tracing::error!(
                    subject,
                    area = area.as_str(),
                    "the item cannot be read, and a new one replaces it: {error}"
                );
                let revision = answer.item.as_ref().and_then(revision).unwrap_or_default();
                Record { revision, ..Record::new(subject.to_owned(), area) }
            })),
        }
    }

    /// Writes a record that was read at `record.revision`, which is counted up; `false` when somebody else wrote
    /// it meanwhile.
    ///
    /// # Errors
    /// When `DynamoDB` does not take it.
    pub async fn write(&self, record: &mut Record, now: Timestamp) -> Result<bool, TableError> {
        let before = record.revision;
        record.revision += 1;
        let json = serde_json::to_string(record)
            .map_err(|source| TableError::Unwritable { subject: record.subject.clone(), source })?;
        let open = record.open_incident();
        let state = if open.is_some() { "open" } else { "closed" };
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("subject", text(&record.subject))
            .item("area", text(record.area.key()))
            .item("state", text(state))
            .item("unsent", AttributeValue::Bool(!record.unsent.is_empty()))
            .item("revision", number(record.revision))
            .item("record", AttributeValue::S(json));
        if let Some(incident) = open {
            // For people who read the table.
            put = put.item("kind", text(incident.kind.as_str()));
            put = put.item("openedAt", text(&incident.opened_at.to_string()));
        } else if record.unsent.is_empty() {
            let end = now.saturating_add(KEPT).unwrap_or(now).as_second();
            put = put.item("expiresAt", AttributeValue::N(end.to_string()));
        }
        put = if before == 0 {
            put.condition_expression("attribute_not_exists(revision)")
        } else {
            put.condition_expression("revision = :before")
                .expression_attribute_values(":before", number(before))
        };
        let put = put.send().await.map(|_| true).or_else(|error| {
            AwsError::from_sdk("DynamoDB", "PutItem", self.timeout, &error)
                .unmet("ConditionalCheckFailedException")
        });
        Ok(put?)
    }
}

fn parse(json: &str) -> Result<Record, serde_json::Error> {
    serde_json::from_str(json)
}

fn revision(item: &HashMap<String, AttributeValue>) -> Option<u64> {
    item.get("revision")?.as_n().ok()?.parse().ok()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

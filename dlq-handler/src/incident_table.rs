//! The table of incidents: the only thing that this function remembers.
//!
//! An item is read, changed and written on the condition that nobody wrote it in between.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use contract::Area;
use jiff::{SignedDuration, Timestamp};
use lambda_boundary::AwsError;

use crate::incident::Record;

/// Nothing that is closed is looked at after so long; `DynamoDB` removes it then.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);
/// A sweep reads so many pages of 1 MB at most; a table of open incidents is far smaller.
const PAGES_LIMIT: usize = 100;

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
    /// An item is not what this function writes.
    #[error("the item of {subject} in the table of incidents cannot be read or written")]
    Unreadable {
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
    /// When `DynamoDB` does not answer, or the item is not ours.
    pub async fn read(&self, subject: &str, area: Area) -> Result<Record, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("subject", text(subject))
            .key("area", text(area.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "GetItem", self.timeout, &error))?;
        match answer.item.as_ref().and_then(|item| item.get("record")).and_then(|value| value.as_s().ok()) {
            None => Ok(Record::new(subject.to_owned(), area)),
            Some(json) => parse(subject, json),
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
            .map_err(|source| TableError::Unreadable { subject: record.subject.clone(), source })?;
        let open = record.open_incident();
        let state = if open.is_some() { "open" } else { "closed" };
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("subject", text(&record.subject))
            .item("area", text(record.area.as_str()))
            .item("state", text(state))
            .item("unsent", AttributeValue::Bool(!record.unsent.is_empty()))
            .item("revision", number(record.revision))
            .item("record", AttributeValue::S(json));
        if let Some(incident) = open {
            // For people who look into the table.
            put = put.item("kind", text(incident.kind.as_str()));
            put = put.item("openedAt", text(&incident.opened_at.to_string()));
        } else if record.unsent.is_empty() {
            let end = now.saturating_add(KEPT).unwrap_or(now).as_second();
            put = put.item("expiresAt", AttributeValue::N(end.to_string()));
        }
        put = if before == 0 {
            put.condition_expression("attribute_not_exists(subject)")
        } else {
            put.condition_expression("revision = :before")
                .expression_attribute_values(":before", number(before))
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match AwsError::from_sdk("DynamoDB", "PutItem", self.timeout, &error) {
                error if error.is("ConditionalCheckFailedException") => Ok(false),
                error => Err(error.into()),
            },
        }
    }

    /// All records that are open or have something left to tell.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer, or an item is not ours.
    pub async fn unfinished(&self) -> Result<Vec<Record>, TableError> {
        let mut records = Vec::new();
        let mut start = None;
        for _ in 0..PAGES_LIMIT {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .filter_expression("#state = :open OR unsent = :yes")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":open", text("open"))
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk("DynamoDB", "Scan", self.timeout, &error))?;
            for item in page.items.unwrap_or_default() {
                let field = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
                if let (Some(subject), Some(json)) = (field("subject"), field("record")) {
                    records.push(parse(&subject, &json)?);
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(records)
    }
}

fn parse(subject: &str, json: &str) -> Result<Record, TableError> {
    serde_json::from_str(json)
        .map_err(|source| TableError::Unreadable { subject: subject.to_owned(), source })
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

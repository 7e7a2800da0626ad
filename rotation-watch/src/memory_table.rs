//! What owners were notified of, for each secret: items of the table of incidents, in an area of their own. And which run
//! is in progress.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use lambda_boundary::AwsError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::watched::Memory;

mod inspections;

const AREA: &str = "watch";
/// The item of the run that is in progress.
const RUN: (&str, &str) = ("rotation-watch", "run");
/// The memory of a secret that was deleted, or that has no findings, is removed after this time.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);
/// Pages of 1 MB each.
const PAGES_LIMIT: usize = 200;
/// How many memories are written at the same time. At a hundredth of a second each, 10,000 take 13 seconds.
const WRITES_AT_ONCE: usize = 8;

/// `DynamoDB`.
#[derive(Debug)]
pub struct MemoryTable {
    client: Client,
    table: String,
    timeout: Duration,
}

impl MemoryTable {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, table: String, timeout: Duration) -> Self {
        Self { client: Client::new(config), table, timeout }
    }

    /// Begins the run `id`, which ends at `until`, unless another run is in progress. Returns whether it has begun. EventBridge
    /// Scheduler may call the function twice, and two runs at the same time would both send what neither has stored yet. If
    /// the answer to its own write was lost, a run finds itself in progress, and has begun.
    /// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html> (at least once)
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn begin(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<bool, AwsError> {
        let number = |time: Timestamp| AttributeValue::N(time.as_millisecond().to_string());
        let (subject, area) = RUN;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("subject", AttributeValue::S(subject.to_owned()))
            .item("area", AttributeValue::S(area.to_owned()))
            .item("runId", AttributeValue::S(id.to_owned()))
            .item("freeAt", number(until))
            .condition_expression("attribute_not_exists(subject) OR freeAt <= :now OR runId = :id")
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":id", AttributeValue::S(id.to_owned()));
        put.send().await.map(|_| true).or_else(|error| {
            AwsError::from_sdk("DynamoDB", "PutItem", self.timeout, &error)
                .unmet("ConditionalCheckFailedException")
        })
    }

    /// Ends the run `id`: the item then says that the run is over.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer. The run then ends at its time.
    pub async fn end(&self, id: &str, now: Timestamp) -> Result<(), AwsError> {
        self.begin(id, now, now).await.map(drop)
    }

    /// All memories, by the secret's ARN. An item that cannot be read counts as missing: the owner of its secret is notified
    /// once more.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn read(&self) -> Result<HashMap<String, Memory>, AwsError> {
        let memories: Vec<Memory> = self.records(AREA).await?;
        Ok(memories.into_iter().map(|memory| (memory.arn.clone(), memory)).collect())
    }

    /// The records of an area that can be read.
    async fn records<Record: DeserializeOwned>(&self, area: &str) -> Result<Vec<Record>, AwsError> {
        let mut records = Vec::new();
        let mut start = None;
        for _ in 0..PAGES_LIMIT {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .filter_expression("area = :area")
                .expression_attribute_values(":area", AttributeValue::S(area.to_owned()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk("DynamoDB", "Scan", self.timeout, &error))?;
            for mut item in page.items.unwrap_or_default() {
                if let Some(AttributeValue::S(json)) = item.remove("record") {
                    records.extend(serde_json::from_str::<Record>(&json).ok());
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(records)
    }

    /// Stores memories, several at the same time.
    ///
    /// # Errors
    /// The first failure. Some of the others are then stored, too.
    pub async fn write_all(&self, memories: &[Memory], now: Timestamp) -> Result<(), AwsError> {
        let writes = stream::iter(memories).map(|memory| self.write(memory, now));
        writes.buffer_unordered(WRITES_AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
    }

    /// Stores a memory.
    ///
    /// # Errors
    /// When `DynamoDB` does not take it.
    pub async fn write(&self, memory: &Memory, now: Timestamp) -> Result<(), AwsError> {
        self.put(&memory.arn, AREA, memory, now).await
    }

    /// Stores the record of a secret in an area.
    async fn put(
        &self,
        arn: &str,
        area: &str,
        record: &impl Serialize,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        let end = now.saturating_add(KEPT).unwrap_or(now).as_second();
        let json = serde_json::to_string(record)
            .map_err(|_| AwsError::Unreadable { service: "DynamoDB", operation: "PutItem" })?;
        self.client
            .put_item()
            .table_name(&self.table)
            .item("subject", AttributeValue::S(arn.to_owned()))
            .item("area", AttributeValue::S(area.to_owned()))
            .item("record", AttributeValue::S(json))
            .item("expiresAt", AttributeValue::N(end.to_string()))
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "PutItem", self.timeout, &error))?;
        Ok(())
    }
}

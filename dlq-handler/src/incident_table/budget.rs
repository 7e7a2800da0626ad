//! Counts the alerts of an hour, in an item for each area and hour.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::{SignedDuration, Timestamp};
use lambda_boundary::AwsError;

use super::{IncidentTable, OWN, TableError, text};
use crate::budget::hour;

const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl IncidentTable {
    /// Counts one alert of `purse` in the hour of `now`, and returns how many there were. Two calls at the same time count two.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer. If only the answer was lost, the alert is counted twice.
    pub async fn count_alert(&self, purse: &str, now: Timestamp) -> Result<u64, TableError> {
        let end = now.saturating_add(KEPT).unwrap_or(now).as_second();
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("subject", text(&format!("{OWN} {purse} {}", hour(now))))
            .key("area", text("budget"))
            .update_expression("ADD spent :one SET expiresAt = :end")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":end", AttributeValue::N(end.to_string()))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "UpdateItem", self.timeout, &error))?;
        let spent = answer.attributes.as_ref().and_then(|item| item.get("spent")?.as_n().ok()?.parse().ok());
        spent.ok_or_else(|| AwsError::Unreadable { service: "DynamoDB", operation: "UpdateItem" }.into())
    }
}

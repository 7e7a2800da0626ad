//! Who stored which version, in an item for each version that somebody stored in the last day.

use contract::cut;
use jiff::{SignedDuration, Timestamp};
use lambda_boundary::AwsError;

use super::{IncidentTable, TableError, text};

const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// A version's id has at most 64 characters. The key of the table has a limit.
const VERSION_LIMIT: usize = 100;
const STORER: &str = "storedBy";

impl IncidentTable {
    /// Remembers that `who` stored `version`. A later call replaces an earlier one.
    ///
    /// # Errors
    /// When `DynamoDB` does not take it.
    pub async fn remember_storer(
        &self,
        secret: &str,
        version: &str,
        who: &str,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let end = now.saturating_add(KEPT).unwrap_or(now).as_second();
        self.client
            .put_item()
            .table_name(&self.table)
            .item("subject", text(secret))
            .item("area", text(&area(version)))
            .item(STORER, text(who))
            .item("expiresAt", aws_sdk_dynamodb::types::AttributeValue::N(end.to_string()))
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "PutItem", self.timeout, &error))?;
        Ok(())
    }

    /// Who stored `version`, if it is known.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn storer(&self, secret: &str, version: &str) -> Result<Option<String>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("subject", text(secret))
            .key("area", text(&area(version)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "GetItem", self.timeout, &error))?;
        Ok(answer.item.and_then(|item| item.get(STORER)?.as_s().ok().cloned()))
    }
}

fn area(version: &str) -> String {
    format!("stored {}", cut(version, VERSION_LIMIT))
}

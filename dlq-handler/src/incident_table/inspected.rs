//! What rotation-watch remembers of its inspections.

use contract::InspectionMemory;
use lambda_boundary::AwsError;

use super::{IncidentTable, TableError, text};

impl IncidentTable {
    /// The last inspection of a secret. None if there was none, or if the item cannot be read.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn last_inspection(&self, secret: &str) -> Result<Option<InspectionMemory>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("subject", text(secret))
            .key("area", text(InspectionMemory::AREA))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "GetItem", self.timeout, &error))?;
        let json = answer.item.and_then(|item| item.get("record")?.as_s().ok().cloned());
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }
}

//! What the last inspection of each secret found.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::InspectionMemory;
use jiff::Timestamp;
use lambda_boundary::AwsError;

use super::{KEPT, MemoryTable};

impl MemoryTable {
    /// The last inspections, by the secret's ARN. An item that cannot be read counts as missing: the secret is inspected in its
    /// hour.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn inspections(&self) -> Result<HashMap<String, InspectionMemory>, AwsError> {
        let records = self.records(InspectionMemory::AREA).await?;
        let memories = records.iter().filter_map(|json| serde_json::from_str::<InspectionMemory>(json).ok());
        Ok(memories.map(|memory| (memory.secret_arn.clone(), memory)).collect())
    }

    /// Stores what an inspection found.
    ///
    /// # Errors
    /// When `DynamoDB` does not take it.
    pub async fn write_inspection(&self, memory: &InspectionMemory, now: Timestamp) -> Result<(), AwsError> {
        let end = now.saturating_add(KEPT).unwrap_or(now).as_second();
        let json = serde_json::to_string(memory)
            .map_err(|_| AwsError::Unreadable { service: "DynamoDB", operation: "PutItem" })?;
        self.client
            .put_item()
            .table_name(&self.table)
            .item("subject", AttributeValue::S(memory.secret_arn.clone()))
            .item("area", AttributeValue::S(InspectionMemory::AREA.to_owned()))
            .item("record", AttributeValue::S(json))
            .item("expiresAt", AttributeValue::N(end.to_string()))
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("DynamoDB", "PutItem", self.timeout, &error))?;
        Ok(())
    }
}

//! What the last inspection of each secret found.

use std::collections::HashMap;

use contract::InspectionMemory;
use jiff::Timestamp;
use lambda_boundary::AwsError;

use super::MemoryTable;

impl MemoryTable {
    /// The last inspections, by the secret's ARN. An item that cannot be read counts as missing: the secret is inspected in its
    /// hour.
    ///
    /// # Errors
    /// When `DynamoDB` does not answer.
    pub async fn inspections(&self) -> Result<HashMap<String, InspectionMemory>, AwsError> {
        let memories: Vec<InspectionMemory> = self.records(InspectionMemory::AREA).await?;
        Ok(memories.into_iter().map(|memory| (memory.secret_arn.clone(), memory)).collect())
    }

    /// Stores what an inspection found.
    ///
    /// # Errors
    /// When `DynamoDB` does not take it.
    pub async fn write_inspection(&self, memory: &InspectionMemory, now: Timestamp) -> Result<(), AwsError> {
        self.put(&memory.secret_arn, InspectionMemory::AREA, memory, now).await
    }
}

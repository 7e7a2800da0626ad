//! The message from rotation-mq to secret2eks.

use serde::{Deserialize, Serialize};

/// Asks secret2eks to deliver what is current now (`schemas/delivery-request.json`).
///
/// The version is a hint: secret2eks looks up what is current, so repeated, late and reordered requests
/// are harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRequest {
    /// The secret's complete ARN.
    pub secret_arn: String,
    /// The version that was AWSCURRENT when the request was made.
    pub version_id: String,
    /// 1 for the first request; dlq-handler counts up when it asks again.
    pub attempt: u32,
    /// When the version became AWSCURRENT (RFC 3339, UTC): delivery time counts from there. Absent when
    /// the sender did not promote it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<String>,
}

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
    /// Whether the sender has just logged in with this version. secret2eks does not check its login again then. Only
    /// rotation-mq says so, and dlq-handler repeats what a failed request said. Absent means no.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tested: bool,
    /// When the version became AWSCURRENT (RFC 3339, UTC): delivery time counts from there. Absent when
    /// the sender did not promote it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_a_sender_that_does_not_say_so_is_not_tested() -> Result<(), serde_json::Error> {
        let older = r#"{"secretArn":"arn","versionId":"v","attempt":1}"#;
        let read: DeliveryRequest = serde_json::from_str(older)?;
        assert!(!read.tested);
        assert_eq!(serde_json::to_string(&read)?, older);
        Ok(())
    }
}

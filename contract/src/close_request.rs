//! The message with which a person closes an incident.

use serde::{Deserialize, Serialize};

use crate::Area;

/// The value of a close request's `schema` field.
pub const CLOSE_SCHEMA: &str = "incident-close/1";

/// Asks dlq-handler to close an open incident (`schemas/close-event.json`). It is a message in the queue `CloseQueueUrl`,
/// and permission to send to that queue is the permission to close incidents. dlq-handler reads nothing else from it.
///
/// The answer is the item in the table of incidents: its `state` is `closed` then. The incident opens again if its failure
/// happens again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseRequest {
    /// [`CLOSE_SCHEMA`].
    pub schema: String,
    /// The subject of the incident as the table names it, such as the secret's complete ARN.
    pub subject: String,
    /// The area of the incident.
    pub area: Area,
    /// The incident that was looked at. If another one is open by now, nothing is closed. None closes the one that was open when
    /// the request was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_id: Option<String>,
    /// Who closes it: the ARN that STS reports. It is a claim. dlq-handler also records the id of the sender that SQS names.
    pub by: String,
    /// Why, for the people who were notified of the incident.
    pub reason: String,
}

impl CloseRequest {
    /// The longest name of who closes an incident, in bytes.
    pub const BY_LIMIT: usize = 300;
    /// The longest reason, in bytes.
    pub const REASON_LIMIT: usize = 500;
}

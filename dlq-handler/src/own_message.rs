//! The messages that the handler and its schedule send to the handler.

use contract::DeliveryRequest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A message that nobody else sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "schema")]
pub enum OwnMessage {
    /// The schedule's message: check every open incident. `infra/template.yaml` defines it.
    #[serde(rename = "dlq-handler-sweep/1")]
    Sweep,
    /// A delivery to request once the delay of this message is over.
    #[serde(rename = "dlq-handler-redelivery/1")]
    Redelivery {
        /// The request, with the number of its attempt.
        request: DeliveryRequest,
    },
    /// A message that has waited for another that says more.
    #[serde(rename = "dlq-handler-waited/1", rename_all = "camelCase")]
    Waited {
        /// The message, unchanged.
        body: String,
        /// When it came first.
        sent_at: Timestamp,
    },
}

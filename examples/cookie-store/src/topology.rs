//! The names on the broker. `topology.json` in the folder of this crate defines them and the permissions of each user.

use serde::{Deserialize, Serialize};

/// The exchange that payment publishes to.
pub const EXCHANGE: &str = "store";
/// The routing key of a paid order.
pub const ORDER_CONFIRMED: &str = "order.confirmed";
/// The messenger's queue.
pub const MESSENGER_QUEUE: &str = "messenger";
/// The queue of the service that fulfils orders.
pub const ORDER_QUEUE: &str = "order";

/// The message for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderConfirmed {
    /// The ID is the same in every copy of the message, so that a consumer can recognize a second copy.
    pub order_id: String,
}

/// The ID of an order.
#[must_use]
pub fn order_id(number: u64) -> String {
    format!("order-{number:07}")
}

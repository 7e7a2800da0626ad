//! The names on the broker. `topology.json` beside this crate makes them, together with what each user may do.

use serde::{Deserialize, Serialize};

/// The exchange that payment publishes to.
pub const EXCHANGE: &str = "store";
/// The routing key of an order that is paid for.
pub const ORDER_CONFIRMED: &str = "order.confirmed";
/// The messenger's queue.
pub const MESSENGER_QUEUE: &str = "messenger";
/// The queue of the service that fulfils orders.
pub const ORDER_QUEUE: &str = "order";

/// The message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderConfirmed {
    /// The same for every copy of the message, so that whoever receives two can tell.
    pub order_id: String,
}

//! The messages that functions send: failure notices and alerts by SNS topics, delivery requests by Lambda's queue.

mod delivery_requests;
mod topic;

pub use delivery_requests::{DeliveryRequests, RequestError};
pub use topic::{PublishError, Topic};

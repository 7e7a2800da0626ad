//! What functions send to others: failure notices and alerts by a topic, the request to deliver by Lambda's queue.

mod delivery_requests;
mod topic;

pub use delivery_requests::{DeliveryRequests, RequestError};
pub use topic::{PublishError, Topic};

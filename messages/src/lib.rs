//! The messages that functions send: failure notices and alerts by SNS topics, delivery requests by Lambda's queue, and
//! questions to the function `inspect`.

mod delivery_requests;
mod inspections;
mod topic;

pub use delivery_requests::{DeliveryRequests, RequestError};
pub use inspections::{InspectError, Inspections};
pub use topic::{PublishError, Topic};

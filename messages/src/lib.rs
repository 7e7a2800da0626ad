//! What functions send to others: failure notices and alerts by a topic, the request to deliver by Lambda's queue.

mod distribution;
mod topic;

pub use distribution::{Distribution, RequestError};
pub use topic::{PublishError, Topic};

//! The current value of a secret reaches the cluster: with the deployed secret2eks, a real API server and the real
//! External Secrets Operator.

pub mod admission;
mod bad_clusters;
mod bad_tags;
pub mod checked;
mod delivery;
mod edits;
mod guarded;
mod isolation;
pub mod life;
mod lost_events;
mod many;
mod onboarding;
mod operator;
mod ownership;
mod receipts;
mod replicas;
mod rights;
pub mod routed;
mod tenants;
pub mod triggers;
mod vouched;

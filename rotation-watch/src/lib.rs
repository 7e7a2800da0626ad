//! Looks once a day at every secret under a policy, and tells its owner before it is overdue.
//!
//! What is out of order is judged on data ([`policy`]), and so is who is told what ([`telling`]); the handler reads,
//! publishes and remembers.

pub mod ages;
pub mod config;
pub mod error;
pub mod handler;
pub mod memory_table;
pub mod policy;
pub mod secret_store;
pub mod telling;
pub mod watched;
pub mod wording;

/// Everything that a run works with. Built once a process; each client keeps its connections.
#[derive(Debug)]
pub struct Watch {
    /// The function's configuration.
    pub config: config::Config,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// What was told before.
    pub memory: memory_table::MemoryTable,
    /// Where people are told.
    pub alerts: messages::Topic,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

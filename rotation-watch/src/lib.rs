//! Checks every secret under a policy once a day, and notifies its owner before it is overdue.
//!
//! These are decided on data: which secrets need a call ([`ages`]), what the answers mean ([`answers`]), what is wrong with a
//! secret ([`policy`]), and who is notified of what ([`telling`]). The handler reads, publishes and stores.
//!
//! Each hour, it inspects a part of the rotated secrets ([`inspection`]).

pub mod ages;
pub mod answers;
pub mod config;
pub mod error;
pub mod handler;
pub mod inspection;
pub mod look_up;
pub mod memory_table;
pub mod pace;
pub mod policy;
pub mod secret_store;
pub mod telling;
pub mod watched;
pub mod wording;

/// Everything that a run needs. It is built once for a process, and each client keeps its connections.
#[derive(Debug)]
pub struct Watch {
    /// The function's configuration.
    pub config: config::Config,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// What owners were notified of before.
    pub memory: memory_table::MemoryTable,
    /// The topic for messages to owners.
    pub alerts: messages::Topic,
    /// What inspections need. None if secrets are not inspected.
    pub inspecting: Option<inspection::Inspecting>,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

//! Turns what went wrong into incidents, and incidents into alerts that help: steps 7-error and 8-error.
//!
//! A message is understood ([`triage`]), its incident decided on data ([`incident`]) and written, and only then
//! people are told ([`wording`]). A message that cannot be handled stays in the queue. Everything can be repeated.

pub mod budget;
pub mod config;
pub mod error;
pub mod event_bus;
pub mod handler;
pub mod incident;
pub mod incident_table;
pub mod incidents;
pub mod message;
pub mod naming;
pub mod own_message;
pub mod own_queue;
pub mod redact;
pub mod remedy;
pub mod secret_store;
pub mod sqs_event;
pub mod stuck;
pub mod sweep;
pub mod telling;
pub mod triage;
pub mod way;
pub mod wording;

/// Everything that a message is handled with. Built once a process; each client keeps its connections.
#[derive(Debug)]
pub struct DlqHandler {
    /// The function's configuration.
    pub config: config::Config,
    /// The table of incidents.
    pub table: incident_table::IncidentTable,
    /// Where people are told.
    pub alerts: messages::Topic,
    /// Where other systems are told.
    pub bus: event_bus::EventBus,
    /// secret2eks.
    pub redelivery: messages::DeliveryRequests,
    /// The queue for what has to wait.
    pub queue: own_queue::OwnQueue,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

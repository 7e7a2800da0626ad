//! Turns failures into incidents, and incidents into alerts: steps 7-error and 8-error.
//!
//! The handler reads a message ([`triage`]), decides its incident on data ([`incident`]) and writes it. After that, it
//! notifies people ([`wording`]). A message that cannot be handled stays in the queue. Every operation can be repeated.

pub mod access;
pub mod budget;
pub mod config;
pub mod error;
pub mod event_bus;
pub mod handler;
pub mod incident;
pub mod incident_table;
pub mod incidents;
pub mod inspections;
pub mod message;
pub mod naming;
pub mod own_message;
pub mod own_queue;
pub mod redact;
pub mod remedy;
pub mod secret_store;
pub mod sqs_event;
pub mod storer;
pub mod stuck;
pub mod sweep;
pub mod telling;
pub mod triage;
pub mod way;
pub mod wording;

/// Everything that is needed to handle a message. It is built once for a process, and each client keeps its connections.
#[derive(Debug)]
pub struct DlqHandler {
    /// The function's configuration.
    pub config: config::Config,
    /// The table of incidents.
    pub table: incident_table::IncidentTable,
    /// The topic for alerts.
    pub alerts: messages::Topic,
    /// The event bus for other systems.
    pub bus: event_bus::EventBus,
    /// secret2eks.
    pub redelivery: messages::DeliveryRequests,
    /// The queue for messages that have to wait.
    pub queue: own_queue::OwnQueue,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

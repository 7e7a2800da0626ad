//! Delivers the current version of a secret to Kubernetes, through External Secrets Operator, and writes a receipt.
//!
//! It is level-triggered: an event says only that a secret changed. The function looks up which version is current and
//! where it goes, compares the cluster with that, and changes the cluster. So repeated, late and reordered events are
//! harmless. On a schedule, it compares the whole cluster with all secrets, so lost events are harmless, too.

pub mod check;
pub mod cluster;
pub mod config;
pub mod deliver;
pub mod eks_cluster;
pub mod eks_token;
pub mod error;
pub mod event;
pub mod external_secret;
pub mod follow;
pub mod handler;
pub mod held;
pub mod in_cluster;
mod keys;
pub mod kubernetes_api;
mod lanes;
pub mod look;
pub mod outcome;
pub mod question;
pub mod receipt;
pub mod reconcile;
pub mod route;
pub mod secret_store;
pub mod take_back;

/// Everything that a delivery needs. It is built once for a process, and each client keeps its connections.
#[derive(Debug)]
pub struct Delivery {
    /// The function's configuration.
    pub config: config::Config,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// The cluster.
    pub cluster: cluster::Cluster,
    /// The function's own queue, for deliveries that other events make necessary.
    pub requests: messages::DeliveryRequests,
    /// The function `inspect`. None if versions are delivered without a check.
    pub inspections: Option<messages::Inspections>,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

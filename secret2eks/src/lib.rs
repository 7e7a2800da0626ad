//! Delivers the current version of a secret to Kubernetes, through External Secrets Operator, and writes a receipt.
//!
//! It is level-triggered: an event says only that a secret changed. The function looks up which version is current and
//! where it goes, compares the cluster with that, and changes the cluster. So repeated, late and reordered events are
//! harmless.

pub mod cluster;
pub mod config;
pub mod deliver;
pub mod eks_cluster;
pub mod eks_token;
pub mod error;
pub mod event;
pub mod external_secret;
pub mod handler;
pub mod in_cluster;
mod keys;
pub mod kubernetes_api;
pub mod route;
pub mod secret_store;

/// Everything that a delivery needs. It is built once for a process, and each client keeps its connections.
#[derive(Debug)]
pub struct Delivery {
    /// The function's configuration.
    pub config: config::Config,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// The cluster.
    pub cluster: cluster::Cluster,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

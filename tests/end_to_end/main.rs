//! The deployed suite, driven as Secrets Manager and SecOps drive it, against a real broker.

mod alerts;
mod bad_brokers;
mod bad_events;
mod bad_secrets;
mod cargo_lambda;
mod delivery;
mod distribution;
mod environment;
mod failure_path;
mod grants;
mod hostile_brokers;
mod incident;
mod interruption;
mod kubernetes;
mod open_incidents;
mod operations;
mod ownership;
mod playbooks;
mod rights;
mod rotation;
mod secrecy;
mod stale_connections;
mod strategies;
mod support;
mod values;
mod watch;

//! People and programs beside the suite: each has a role of its own, with what such a person really may do, and is
//! denied the rest.
//!
//! One file for each actor of the threat model. A role's policy stands in the actor's file, word for word; the emulator
//! enforces it (`AUTH=true`), and RBAC of the real API server does in the cluster. Where the emulator is kinder than
//! AWS, so that a path cannot be seen to be denied here, the file says so.

mod actor;
mod alarm_writer;
mod application;
mod cluster_actor;
mod developer;
mod elsewhere_admin;
mod event_writer;
mod forged;
mod invoker;
mod low_broker_user;
mod namespace_admin;
mod pipeline;
mod reading;
mod secops;
mod sender;
mod tenant;

use anyhow::{Context as _, Result};
use testbed::cloud::{Cloud, STACK};

/// Names of all functions of the suite's stack, as the template makes them.
fn functions(cloud: &Cloud) -> Result<Vec<String>> {
    let functions: Vec<String> = cloud
        .stack
        .resources
        .iter()
        .filter(|(logical_id, _)| logical_id.ends_with("Function"))
        .map(|(_, name)| name.clone())
        .collect();
    let prefix = format!("{STACK}-");
    let ours = functions.iter().all(|name| name.starts_with(&prefix));
    ours.then_some(functions).context("a function of another stack")
}

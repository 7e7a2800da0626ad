//! People and programs outside the functions. Each has a role with realistic permissions, and everything else is
//! denied.
//!
//! There is one file for each actor of the threat model. The file contains the policy of the role. The emulator
//! enforces it (`AUTH=true`), and the real API server enforces RBAC in the cluster. If the emulator allows more than
//! AWS, so that a test cannot check a denial, the file says so.

pub mod actor;
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

/// The names of all functions in the stack, as in the template.
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

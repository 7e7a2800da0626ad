//! SecOps: the only ones who may act in an incident.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::cloud::Cloud;

/// Name of the function that acts.
pub fn function(cloud: &Cloud) -> Result<&str> {
    cloud.stack.output("IncidentFunctionName")
}

/// The action on a version that leaked, whatever the cluster holds.
pub fn revoke(secret: &str, version: &str) -> Value {
    json!({
        "Action": "revokePrevious", "SecretId": secret, "VersionId": version, "force": true,
    })
}

//! SecOps: the only actor that may act in an incident.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::cloud::Cloud;

/// The name of the function for incidents.
pub fn function(cloud: &Cloud) -> Result<&str> {
    cloud.stack.output("IncidentFunctionName")
}

/// The action for a leaked version, independent of the version in the cluster.
pub fn revoke(secret: &str, version: &str) -> Value {
    json!({
        "Action": "revokePrevious", "SecretId": secret, "VersionId": version, "force": true,
    })
}

//! What SecOps does in an incident: revoke the leaked credentials, and no others.

mod adoption;
mod foreign_users;
mod functions;
mod proof;
mod races;
mod revocation;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context as _, Result};
use end_to_end::name;
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

/// The event that revokes a version.
fn revoke(app: &App, version: &str) -> Value {
    json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": version})
}

/// A secret that was rotated after its first version leaked. Returns the first version and its value.
async fn leaked_and_rotated(cloud: &Cloud, prefix: &str, changes: &Value) -> Result<(App, String, Value)> {
    let app = cloud.create_app_with(&name(prefix), changes).await?;
    let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("no current version")?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    cloud.rotate_successfully(&app.arn).await?;
    Ok((app, leaked, value))
}

/// A secret whose broker, and the broker of its admin secret, is behind a proxy for the management API.
async fn app_behind(cloud: &Cloud, proxy: &FaultProxy, prefix: &str) -> Result<App> {
    cloud.create_app_at(&name(prefix), cloud.broker.amqps_port(), proxy.url()).await
}

/// Holds the next write of a user at the proxy. The first channel reports that the write has arrived. The write
/// continues when the second channel sends.
fn hold_the_write_of_a_user(proxy: &FaultProxy) -> (Receiver<()>, Sender<()>) {
    let (reached, wait) = channel();
    let (resume, resumed) = channel::<()>();
    let resumed = Mutex::new(resumed);
    let is_write = |call: &Call| call.method == "PUT" && call.path.starts_with("/api/users/");
    proxy.inject(Rule::at(1, is_write, Fault::Nothing).hook(move |_| {
        let _ = reached.send(());
        let _ = resumed.lock().map(|resumed| resumed.recv());
    }));
    (wait, resume)
}

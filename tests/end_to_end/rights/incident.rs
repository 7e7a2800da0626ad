//! The permissions of the function for incidents.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::{Cloud, Variant};

use super::{Role, UNASKED};
use crate::support::{UNKNOWN_VERSION, current_logs_in, own_admin};

#[test]
fn every_permission_of_the_function_for_incidents_is_needed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let parameters = [("CallTimeoutSeconds", "4")];
        let variant = cloud.deploy_variant(&name("incident-rights"), &parameters, &[]).await?;
        let role = Role::of(cloud, &variant.stack, "IncidentRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || works(cloud, &variant).await).await
    })
}

/// Revokes the previous versions of an application's secret and of an admin secret that is its own admin. Then
/// reports a failure.
async fn works(cloud: &Cloud, variant: &Variant) -> Result<()> {
    let function = variant.stack.output("IncidentFunctionName")?;
    // Start a new process, because a running one may have the address of the broker already.
    cloud.add_variables(function, &[("ATTEMPT", &name("attempt"))]).await?;
    let app = cloud.create_app(&name("incident-app")).await?;
    let admin = own_admin(cloud, "incident-admin").await?.arn;
    for secret in [&app.arn, &admin] {
        cloud.rotate_successfully(secret).await?;
        let leaked = cloud.version(secret, "AWSPREVIOUS").await?.context("nothing is AWSPREVIOUS")?;
        let value = cloud.value(secret, "AWSPREVIOUS").await?;
        act(cloud, function, secret, &leaked).await?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials log in");
        current_logs_in(cloud, secret).await?;
        let notices = variant.notices.about(secret).await?;
        ensure!(notices.is_empty(), "{notices:?}");
    }
    ensure!(act(cloud, function, &app.arn, UNKNOWN_VERSION).await.is_err(), "it should fail");
    let told = variant.notices.wait_for(&app.arn, 1);
    tokio::time::timeout(Duration::from_secs(10), told).await.context("nobody was notified")?.map(drop)
}

async fn act(cloud: &Cloud, function: &str, secret: &str, version: &str) -> Result<()> {
    let event = json!({"Action": "revokePrevious", "SecretId": secret, "VersionId": version});
    cloud.invoke_function(function, &event).await?.value().map(drop)
}

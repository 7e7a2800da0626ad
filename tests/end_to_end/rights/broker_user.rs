//! The permissions of broker-user.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, Variant};

use super::{Role, UNASKED};

#[test]
fn every_permission_of_broker_user_is_needed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let parameters = [("CallTimeoutSeconds", "4")];
        let variant = cloud.deploy_variant(&name("user-rights"), &parameters, &[]).await?;
        let role = Role::of(cloud, &variant.stack, "BrokerUserRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || works(cloud, &variant).await).await
    })
}

/// Ensures the user of an application. Then reports a request of CloudFormation that cannot be answered.
async fn works(cloud: &Cloud, variant: &Variant) -> Result<()> {
    let function = variant.stack.output("BrokerUserFunctionArn")?;
    // Start a new process, because a running one may have the address of the broker already.
    cloud.add_variables(function, &[("ATTEMPT", &name("attempt"))]).await?;
    let app = cloud.create_app(&name("user-app")).await?;
    let event = json!({
        "Action": "ensureUser", "SecretArn": app.arn, "Username": app.user, "Broker": cloud.broker_id,
        "Permissions": [{"Vhost": "/", "Configure": "", "Write": "^orders$", "Read": "^payment"}],
    });
    request(cloud, function, &event).await?;
    let notices = variant.notices.about(&app.arn).await?;
    ensure!(notices.is_empty(), "{notices:?}");
    let event = json!({
        "RequestType": "Delete", "ResponseURL": "https://localhost:1/", "ResourceProperties": {"SecretArn": app.arn},
    });
    ensure!(request(cloud, function, &event).await.is_err(), "it should fail");
    let told = variant.notices.wait_for(&app.arn, 1);
    tokio::time::timeout(Duration::from_secs(10), told).await.context("nobody was notified")?.map(drop)
}

async fn request(cloud: &Cloud, function: &str, event: &Value) -> Result<()> {
    cloud.invoke_function(function, event).await?.value().map(drop)
}

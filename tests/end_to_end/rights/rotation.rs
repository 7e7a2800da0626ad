//! The permissions of rotation-mq.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::{App, Cloud, Variant, random_text};

use super::{Role, UNASKED, deliverer};
use crate::support::{UNKNOWN_VERSION, current_logs_in, own_admin};

#[test]
fn every_permission_of_rotation_mq_is_needed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let arn = deliverer(cloud).await?;
        let parameters = [("Secret2EksFunctionArn", arn.as_str()), ("CallTimeoutSeconds", "4")];
        let variant = cloud.deploy_variant(&name("rotation-rights"), &parameters, &[]).await?;
        let role = Role::of(cloud, &variant.stack, "RotationRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || works(cloud, &variant).await).await
    })
}

/// Rotates an application's secret and an admin secret that is its own admin, invokes secret2eks, and reports a
/// failure.
async fn works(cloud: &Cloud, variant: &Variant) -> Result<()> {
    // Start a new process, because a running one may have the address of the broker already.
    cloud.add_variables(&variant.function, &[("ATTEMPT", &name("attempt"))]).await?;
    let app = cloud.create_app(&name("rights-app")).await?;
    let admin = own_admin(cloud, "rights-admin").await?;
    for app in [&app, &admin] {
        needs_an_old_version(cloud, app).await?;
        let secret = &app.arn;
        let version = cloud.begin_rotation(secret).await?;
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            call(cloud, variant, secret, &version, step).await?;
        }
        current_logs_in(cloud, secret).await?;
        ensure!(cloud.tag_of(secret, "rotation-mq/user").await?.is_some(), "the secret is not pinned");
        let notices = variant.notices.about(secret).await?;
        ensure!(notices.is_empty(), "{notices:?}");
    }
    ensure!(call(cloud, variant, &app.arn, UNKNOWN_VERSION, "testSecret").await.is_err(), "it should fail");
    let told = variant.notices.wait_for(&app.arn, 1);
    tokio::time::timeout(Duration::from_secs(10), told).await.context("nobody was notified")?.map(drop)
}

async fn call(cloud: &Cloud, variant: &Variant, secret: &str, version: &str, step: &str) -> Result<()> {
    let event = json!({"Step": step, "SecretId": secret, "ClientRequestToken": version});
    cloud.invoke_function(&variant.function, &event).await?.value().map(drop)
}

/// The other user exists without a mark. Only a version without a stage proves that it belongs to the secret.
pub(super) async fn needs_an_old_version(cloud: &Cloud, app: &App) -> Result<()> {
    let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let (user, password) = (format!("{}_clone", app.user), random_text(32)?);
    let tags: &[&str] = if app.arn.contains("rabbitmq-admin/") { &["administrator"] } else { &[] };
    cloud.broker.management()?.create_user(&user, &password, tags).await?;
    let mut old = value.clone();
    (old["username"], old["password"]) = (json!(user), json!(password));
    let mut stored = vec![old, value.clone()];
    value["note"] = json!("AWSPREVIOUS is for the same user");
    stored.push(value);
    for value in stored {
        cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(value.to_string()).send().await?;
    }
    Ok(())
}

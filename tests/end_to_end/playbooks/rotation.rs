//! Playbooks about one rotated secret.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud, on_the_cluster};
use serde_json::json;
use testbed::cloud::{App, Cloud, route_to};
use testbed::playbook::{Page, netrc};

use super::open;
use crate::support::{converged, current_logs_in};

const LIMIT: Duration = Duration::from_secs(60);

/// Waits for the rotation that a page has started.
pub(super) async fn rotated(cloud: &Cloud, app: &App) -> Result<()> {
    let rotation = cloud.aws.wait_for_rotation(&app.arn, None, LIMIT).await?;
    ensure!(rotation.outcome == "succeeded", "{rotation:?}");
    converged(cloud, &app.user, &app.arn, &rotation.version_id).await
}

#[test]
fn leaked_credentials_are_cut_off_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("leaked-page")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let mut page = open(cloud, "leaked-credential.md")?;
        page.set("SECRET", &format!("rabbitmq/{}", app.user));
        page.set("FUNCTION", cloud.incident_function()?);
        page.set("LEAKED", &leaked);
        page.set("REASON", "a test's \"ticket\"");
        page.run().await?;
        ensure!(page.run().await?.contains(&leaked), "the versions");
        ensure!(page.run().await?.trim() == value["username"], "whose it is");
        page.run().await?;
        rotated(cloud, &app).await?;
        page.run().await?;
        page.run().await?;
        let answer = page.run().await?;
        ensure!(answer.contains("closedConnections"), "{answer}");
        let refused = page.run().await?;
        ensure!(refused.contains("\"not_authorized\""), "{refused}");
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        page.set("ADOPTED", value["username"].as_str().unwrap_or_default());
        let adopted = page.run().await?;
        ensure!(adopted.contains("wasMarkedFor"), "{adopted}");
        page.end()
    })
}

/// A rotation that has stopped after those steps, the page about it, and the pending version.
async fn stuck(cloud: &Cloud, app: &App, steps: &[&str]) -> Result<(Page, String)> {
    let current = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
    let pending = cloud.begin_rotation(&app.arn).await?;
    for step in steps {
        cloud.step(&app.arn, &pending, step).await?.value()?;
    }
    let mut page = open(cloud, "stuck-or-stale-pending-version.md")?;
    page.set("SECRET", &app.arn);
    page.set("FUNCTION", cloud.stack.output("RotationFunctionName")?);
    page.set("CURRENT", &current);
    page.set("PENDING", &pending);
    Ok((page, pending))
}

#[test]
fn a_stuck_pending_version_is_taken_off_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("stuck-page")).await?;
        let (mut page, pending) = stuck(cloud, &app, &["createSecret"]).await?;
        page.run().await?;
        ensure!(page.run().await?.contains(&pending), "what stands where");
        page.run().await?;
        page.run().await?;
        let accepted = page.run().await?;
        ensure!(accepted.contains("not_authorised") && accepted.contains("not_authorized"), "{accepted}");
        page.pass("--version-stage AWSCURRENT")?;
        page.run().await?;
        ensure!(cloud.version(&app.arn, "AWSPENDING").await?.is_none(), "it is still pending");
        page.run().await?;
        ensure!(
            cloud.version(&app.arn, "AWSPENDING").await?.as_deref() == Some(&*pending),
            "it was not undone"
        );
        page.again(1).await?;
        let all = testbed::aws::RotationOptions { steps: Some(4), ..Default::default() };
        cloud.aws.set_rotation_options(Some(&app.arn), &all).await?;
        page.run().await?;
        rotated(cloud, &app).await?;
        page.end()
    })
}

#[test]
fn the_only_copy_of_a_password_that_the_broker_knows_is_made_current_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let single = json!({"rotationStrategy": "single"});
        let app = cloud.create_app_with(&name("only-copy"), &single).await?;
        let (mut page, pending) = stuck(cloud, &app, &["createSecret", "setSecret"]).await?;
        for _ in 0..4 {
            page.run().await?;
        }
        let accepted = page.run().await?;
        let (of_current, of_pending) =
            accepted.split_once(&pending).context("no answer for the pending one")?;
        ensure!(of_current.contains("not_authorized") && of_pending.contains("not_authorised"), "{accepted}");
        page.run().await?;
        ensure!(
            cloud.version(&app.arn, "AWSCURRENT").await?.as_deref() == Some(&*pending),
            "it is not current"
        );
        current_logs_in(cloud, &app.arn).await?;
        page.pass("--remove-from-version-id")?;
        page.pass("--move-to-version-id")?;
        let all = testbed::aws::RotationOptions { steps: Some(4), ..Default::default() };
        cloud.aws.set_rotation_options(Some(&app.arn), &all).await?;
        page.run().await?;
        let rotation = cloud.aws.wait_for_rotation(&app.arn, None, LIMIT).await?;
        ensure!(rotation.outcome == "succeeded" && rotation.version_id != pending, "{rotation:?}");
        current_logs_in(cloud, &app.arn).await?;
        page.end()
    })
}

#[test]
fn the_previous_version_comes_back_by_the_page_and_rotation_goes_on() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("back-page")).await?;
        let first = cloud.rotate_successfully(&app.arn).await?;
        let second = cloud.rotate_successfully(&app.arn).await?;
        let mut page = open(cloud, "roll-back.md")?;
        page.set("SECRET", &app.arn);
        page.run().await?;
        page.run().await?;
        ensure!(page.run().await?.contains(&second), "what is where");
        page.run().await?;
        ensure!(cloud.version(&app.arn, "AWSCURRENT").await?.as_deref() == Some(&*first), "it is not back");
        page.again(0).await?;
        ensure!(
            cloud.version(&app.arn, "AWSCURRENT").await?.as_deref() == Some(&*second),
            "it was not undone"
        );
        page.again(0).await?;
        page.run().await?;
        page.run().await?;
        let accepted = page.run().await?;
        ensure!(accepted.contains("not_authorised"), "{accepted}");
        current_logs_in(cloud, &app.arn).await?;
        page.run().await?;
        rotated(cloud, &app).await?;
        page.end()
    })
}

#[test]
fn current_credentials_that_the_broker_refuses_are_repaired_by_the_page() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("refused-page")).await?;
        let management = cloud.broker.management()?;
        management.create_user(&app.user, "another password", &["monitoring"]).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        ensure!(!cloud.logs_in(&value).await?, "nothing is broken");
        let mut page = open(cloud, "rotation-failing.md")?;
        page.set("SECRET", &app.arn);
        page.set("INCIDENTS", cloud.stack.output("IncidentsTableName")?);
        netrc(cloud, page.folder())?;
        page.run().await?;
        page.run().await?;
        current_logs_in(cloud, &app.arn).await?;
        let user = management.user(&app.user).await?.context("no user")?;
        ensure!(user["tags"].to_string().contains("monitoring"), "its tags are gone: {user}");
        page.end()
    })
}

#[test]
fn a_delivery_is_made_again_by_the_page() -> Result<()> {
    on_the_cluster(async |cloud| {
        let app = cloud.create_app(&name("delivered-page")).await?;
        let namespace = name("page");
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &namespace, &[]).await?;
        cloud.set_tags(&app.arn, &route_to(&namespace, &namespace)).await?;
        let mut page = open(cloud, "delivery-failing.md")?;
        page.set("SECRET", &app.arn);
        page.set("DELIVERY", cloud.delivery_function()?);
        page.run().await?;
        let answer = page.run().await?;
        ensure!(answer.contains("outcome") && answer.contains("\"delivered\""), "{answer}");
        page.end()
    })
}

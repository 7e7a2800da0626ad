//! The receipt of the cluster protects the user that production may still log in with.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::cloud::{App, Cloud, tag};

use crate::support::{current_logs_in, failed_once, state_of};

async fn set_tag(cloud: &Cloud, app: &App, key: &str, value: &str) -> Result<()> {
    cloud.secrets.tag_resource().secret_id(&app.arn).tags(tag(key, value)).send().await?;
    Ok(())
}

#[test]
fn a_routed_secret_is_not_rotated_again_before_its_current_version_was_delivered() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("routed")).await?;
        set_tag(cloud, &app, "secret2eks/namespace", "shop").await?;
        // The other user does not exist yet, so no application can use it.
        let first = cloud.rotate_successfully(&app.arn).await?;

        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "delivery.undelivered", &first).await?;
        ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "something was changed");
        current_logs_in(cloud, &app.arn).await?;

        // secret2eks, or SecOps by hand, writes the receipt.
        set_tag(cloud, &app, "secret2eks/delivered", &first).await?;
        cloud.steps(&app.arn, &version).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn an_old_receipt_is_none_and_a_secret_without_a_route_needs_none() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("old-receipt")).await?;
        let oldest = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        set_tag(cloud, &app, "secret2eks/delivered", &oldest).await?;
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;

        set_tag(cloud, &app, "secret2eks/namespace", "shop").await?;
        let rotation = cloud.rotate(&app.arn).await?;
        let failed =
            rotation.attempts.iter().flat_map(|attempt| &attempt.steps).find(|step| step.outcome == "failed");
        let kind = failed.and_then(|step| step.error_type.as_deref());
        ensure!(kind == Some("delivery.undelivered"), "{rotation:?}");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_pending_login_that_works_already_is_not_held_up_by_a_missing_receipt() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("late-route")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        set_tag(cloud, &app, "secret2eks/namespace", "shop").await?;
        cloud.steps(&app.arn, &version).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

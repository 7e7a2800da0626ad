//! Rotations and revocations at the same time.

use anyhow::{Context as _, Result, ensure};
use end_to_end::on_the_cloud;
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::FaultProxy;

use super::{app_behind, hold_the_write_of_a_user, revoke};
use crate::support::current_logs_in;

#[test]
fn a_rotation_that_takes_the_user_during_a_revocation_gets_its_password_back() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let app = app_behind(cloud, &proxy, "raced").await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        cloud.rotate_successfully(&app.arn).await?;
        // A whole rotation runs just before the new random password of the revocation reaches the broker.
        let version = cloud.begin_rotation(&app.arn).await?;
        let (wait, resume) = hold_the_write_of_a_user(&proxy);
        let event = revoke(&app, &leaked);
        let revocation = tokio::spawn(async move { cloud.act(&event).await });
        tokio::task::spawn_blocking(move || wait.recv()).await??;
        cloud.steps(&app.arn, &version).await?;
        resume.send(())?;
        let answer = revocation.await??;
        ensure!(answer.kind() == "revoke.raced", "{answer:?}");
        ensure!(cloud.version(&app.arn, "AWSCURRENT").await? == Some(version), "the rotation did not finish");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_late_write_of_an_abandoned_rotation_gives_the_user_its_password_back() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let app = app_behind(cloud, &proxy, "late").await?;
        let abandoned = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &abandoned, "createSecret").await?.value()?;
        let (wait, resume) = hold_the_write_of_a_user(&proxy);
        let (arn, version) = (app.arn.clone(), abandoned.clone());
        let late = tokio::spawn(async move { cloud.step(&arn, &version, "setSecret").await });
        tokio::task::spawn_blocking(move || wait.recv()).await??;
        // SecOps removes AWSPENDING from the blocked version and starts a new rotation, which succeeds.
        let stage =
            cloud.secrets.update_secret_version_stage().secret_id(&app.arn).version_stage("AWSPENDING");
        stage.remove_from_version_id(&abandoned).send().await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.steps(&app.arn, &version).await?;
        resume.send(())?;
        let answer = late.await??;
        ensure!(answer.kind() == "rotation.raced", "{answer:?}");
        ensure!(cloud.version(&app.arn, "AWSCURRENT").await? == Some(version));
        current_logs_in(cloud, &app.arn).await
    })
}

/// Attaches a staging label to another version, or to none.
async fn move_label(
    cloud: &Cloud,
    app: &App,
    label: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<()> {
    let label = cloud.secrets.update_secret_version_stage().secret_id(&app.arn).version_stage(label);
    let label = label.set_remove_from_version_id(from.map(str::to_owned));
    label.set_move_to_version_id(to.map(str::to_owned)).send().await?;
    Ok(())
}

/// Revokes a leaked version. Somebody attaches `label` to it just before the leaked password is replaced. The
/// password stays replaced, and the revocation succeeds after the label is attached to its former version again.
async fn named_again_while_it_is_revoked(cloud: &'static Cloud, prefix: &str, label: &str) -> Result<()> {
    let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
    let app = app_behind(cloud, &proxy, prefix).await?;
    let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    cloud.rotate_successfully(&app.arn).await?;
    let before = cloud.version(&app.arn, label).await?;
    let (wait, resume) = hold_the_write_of_a_user(&proxy);
    let event = revoke(&app, &leaked);
    let revocation = tokio::spawn(async move { cloud.act(&event).await });
    tokio::task::spawn_blocking(move || wait.recv()).await??;
    move_label(cloud, &app, label, before.as_deref(), Some(&leaked)).await?;
    resume.send(())?;
    let answer = revocation.await??;
    let said = format!("{answer:?}");
    ensure!(answer.kind() == "revoke.raced", "{said}");
    ensure!(said.contains("not restored") && said.contains(&format!("move {label} away")), "{said}");
    ensure!(!cloud.logs_in(&value).await?, "the leaked password was set again");
    move_label(cloud, &app, label, Some(&leaked), before.as_deref()).await?;
    cloud.act(&revoke(&app, &leaked)).await?.value()?;
    ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
    current_logs_in(cloud, &app.arn).await
}

#[test]
fn a_leaked_version_that_becomes_awscurrent_while_it_is_revoked_does_not_get_its_password_back() -> Result<()>
{
    on_the_cloud(async |cloud| named_again_while_it_is_revoked(cloud, "current-again", "AWSCURRENT").await)
}

#[test]
fn a_leaked_version_that_becomes_awspending_while_it_is_revoked_does_not_get_its_password_back() -> Result<()>
{
    on_the_cloud(async |cloud| named_again_while_it_is_revoked(cloud, "pending-again", "AWSPENDING").await)
}

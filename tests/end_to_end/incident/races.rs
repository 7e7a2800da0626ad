//! Rotations and revocations at the same time.

use anyhow::{Result, ensure};
use end_to_end::on_the_cloud;
use testbed::fault_proxy::{Fault, FaultProxy, Rule};

use super::{app_behind, revoke};
use crate::support::current_logs_in;

#[test]
fn a_rotation_that_takes_the_user_during_a_revocation_gets_its_password_back() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let app = app_behind(cloud, &proxy, "raced").await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        cloud.rotate_successfully(&app.arn).await?;
        // Just before the revocation's scrambling reaches the broker, a whole rotation runs.
        let version = cloud.begin_rotation(&app.arn).await?;
        let (reached, wait) = std::sync::mpsc::channel();
        let (resume, resumed) = std::sync::mpsc::channel::<()>();
        let resumed = std::sync::Mutex::new(resumed);
        let is_scramble =
            |call: &testbed::fault_proxy::Call| call.method == "PUT" && call.path.starts_with("/api/users/");
        proxy.inject(Rule::at(1, is_scramble, Fault::Nothing).hook(move |_| {
            let _ = reached.send(());
            let _ = resumed.lock().map(|resumed| resumed.recv());
        }));
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
        let (reached, wait) = std::sync::mpsc::channel();
        let (resume, resumed) = std::sync::mpsc::channel::<()>();
        let resumed = std::sync::Mutex::new(resumed);
        let is_reset =
            |call: &testbed::fault_proxy::Call| call.method == "PUT" && call.path.starts_with("/api/users/");
        proxy.inject(Rule::at(1, is_reset, Fault::Nothing).hook(move |_| {
            let _ = reached.send(());
            let _ = resumed.lock().map(|resumed| resumed.recv());
        }));
        let (arn, version) = (app.arn.clone(), abandoned.clone());
        let late = tokio::spawn(async move { cloud.step(&arn, &version, "setSecret").await });
        tokio::task::spawn_blocking(move || wait.recv()).await??;
        // SecOps takes the stuck version off and rotates anew, to the end.
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

//! Leaked credentials are cut off, and nobody else.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, tag};
use testbed::fault_proxy::{Fault, FaultProxy, Rule};

use crate::kubernetes::routed::until;
use crate::support::{UNKNOWN_VERSION, current_logs_in, failed_once};

fn revoke(app: &App, version: &str) -> Value {
    json!({"Action": "revokePrevious", "SecretId": app.arn, "VersionId": version})
}

/// A secret that was rotated after its first version leaked; the first version and its value.
async fn leaked_and_rotated(cloud: &Cloud, prefix: &str, changes: &Value) -> Result<(App, String, Value)> {
    let app = cloud.create_app_with(&name(prefix), changes).await?;
    let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("no current version")?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    cloud.rotate_successfully(&app.arn).await?;
    Ok((app, leaked, value))
}

#[test]
fn revoking_cuts_the_leaked_login_off_closes_its_connections_and_can_be_repeated() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "leak", &json!({})).await?;
        let password = value["password"].as_str().unwrap_or_default();
        let attacker = cloud.broker.amqps_login(&app.user, password, "/").await?;
        let answer = cloud.invoke(&revoke(&app, &leaked)).await?.value()?;
        ensure!(answer == json!({"user": app.user, "closedConnections": 1}), "{answer}");
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        until("the attacker's connection is closed", async || Ok(!attacker.status().connected())).await?;
        current_logs_in(cloud, &app.arn).await?;
        let again = cloud.invoke(&revoke(&app, &leaked)).await?.value()?;
        ensure!(again["user"] == app.user.as_str(), "{again}");
        cloud.rotate_successfully(&app.arn).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_version_in_use_or_whose_user_is_in_use_is_not_revoked() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("in-use")).await?;
        let first = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        let answer = cloud.invoke(&revoke(&app, &first)).await?;
        failed_once(cloud, &app.arn, &answer, "revoke.refused", "AWSCURRENT").await?;
        let second = cloud.rotate_successfully(&app.arn).await?;
        // A rotation is under way that gives the first version's user a new password.
        let pending = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &pending, "createSecret").await?.value()?;
        let mut expected = vec![
            (pending.clone(), "AWSPENDING"),
            (first.clone(), "AWSPENDING"),
            (second.clone(), "AWSCURRENT"),
        ];
        expected.push((UNKNOWN_VERSION.to_owned(), "not a version"));
        for (version, words) in expected {
            let answer = cloud.invoke(&revoke(&app, &version)).await?;
            ensure!(["revoke.refused", "rotation.version_unknown"].contains(&answer.kind()), "{answer:?}");
            ensure!(format!("{answer:?}").contains(words), "{words}: {answer:?}");
        }
        cloud.steps(&app.arn, &pending).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_pending_version_of_the_other_user_does_not_block_a_revocation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "pending-other", &json!({})).await?;
        // AWSPENDING stands on the version of the current user, as it may after a rotation.
        let current = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        let stage =
            cloud.secrets.update_secret_version_stage().secret_id(&app.arn).version_stage("AWSPENDING");
        stage.move_to_version_id(current).send().await?;
        cloud.invoke(&revoke(&app, &leaked)).await?.value()?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        Ok(())
    })
}

#[test]
fn production_is_not_cut_off_while_the_cluster_may_hold_the_leaked_version_unless_forced() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "undelivered", &json!({})).await?;
        let route = tag("secret2eks/namespace", "shop");
        cloud.secrets.tag_resource().secret_id(&app.arn).tags(route).send().await?;
        let answer = cloud.invoke(&revoke(&app, &leaked)).await?;
        failed_once(cloud, &app.arn, &answer, "revoke.refused", "secret2eks/delivered").await?;
        ensure!(cloud.logs_in(&value).await?, "a refused revocation changed the password");
        let mut forced = revoke(&app, &leaked);
        forced["force"] = json!(true);
        cloud.invoke(&forced).await?.value()?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        Ok(())
    })
}

#[test]
fn with_a_single_user_only_connections_are_closed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("single-leak"), &json!({"rotationStrategy": "single"})).await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let attacker =
            cloud.broker.amqps_login(&app.user, value["password"].as_str().unwrap_or_default(), "/").await?;
        cloud.rotate_successfully(&app.arn).await?;
        ensure!(attacker.status().connected(), "a password change closes no connection");
        let answer = cloud.invoke(&revoke(&app, &leaked)).await?.value()?;
        // One of the function's own logins may still be listed, and is closed as well.
        ensure!(answer["closedConnections"].as_u64().is_some_and(|closed| closed >= 1), "{answer}");
        until("the attacker's connection is closed", async || Ok(!attacker.status().connected())).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

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
        let revocation = tokio::spawn(async move { cloud.invoke(&event).await });
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

/// A secret whose management API, and that of its admin secret, is behind a proxy.
async fn app_behind(cloud: &Cloud, proxy: &FaultProxy, prefix: &str) -> Result<App> {
    cloud.create_app_at(&name(prefix), cloud.broker.amqps_port(), proxy.url()).await
}

//! Which versions log in.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, random_text};
use testbed::schema::valid;

use super::{after_years, inspect, inspect_with, kinds, login_of, said, store};
use crate::support::UNKNOWN_VERSION;

async fn check(cloud: &Cloud, arn: &str, version: &str) -> Result<Value> {
    let event = json!({"Action": "checkLogin", "SecretId": arn, "VersionId": version});
    let answer = cloud.look(&event).await?.value()?;
    valid("login-check", &answer)?;
    Ok(answer)
}

async fn current(cloud: &Cloud, arn: &str) -> Result<String> {
    cloud.version(arn, "AWSCURRENT").await?.context("nothing is current")
}

#[test]
fn a_value_that_somebody_stored_and_the_broker_refuses_is_told_with_the_version_that_works() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("by-hand")).await?;
        let good = cloud.rotate_successfully(&app.arn).await?;
        ensure!(check(cloud, &app.arn, &good).await?["login"] == "accepted");
        let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
        value["password"] = json!(random_text(32)?);
        store(cloud, &app.arn, &value.to_string()).await?;
        let bad = current(cloud, &app.arn).await?;
        let started = Instant::now();
        let answer = check(cloud, &app.arn, &bad).await?;
        ensure!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
        ensure!(
            started.elapsed() > Duration::from_secs(4),
            "it was not asked again: {:?}",
            started.elapsed()
        );
        ensure!(answer["login"] == "refused" && answer["workingVersionId"] == good, "{answer}");
        ensure!(answer["user"] == format!("{}_clone", app.user), "{answer}");
        ensure!(answer["problem"]["kind"] == "current.login_refused", "{answer}");
        ensure!(answer["problem"]["severity"] == "critical", "{answer}");
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["current.login_refused"], "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("refused"), "{seen:#}");
        ensure!(login_of(&seen, "AWSPREVIOUS") == Some("accepted"), "{seen:#}");
        Ok(())
    })
}

#[test]
fn what_the_broker_does_not_refuse_itself_is_unknown_and_says_why() -> Result<()> {
    on_the_cloud(async |cloud| {
        let closed = testbed::ports::free_ports(1)?.first().copied().context("no port")?;
        let down = json!({"brokerId": null, "host": "localhost", "port": closed,
            "managementUrl": format!("https://localhost:{closed}")});
        for (case, changes, kind) in [
            ("vhost", json!({"vhost": "nowhere"}), "vhost.missing"),
            ("down", down, "broker.unreachable"),
            ("unknown", json!({"brokerId": "b-00000000-0000-4000-8000-000000000000"}), "broker.not_found"),
            ("field", json!({"password": 12}), "secret.invalid"),
        ] {
            let app = cloud.create_app_with(&name(case), &changes).await?;
            let answer = check(cloud, &app.arn, &current(cloud, &app.arn).await?).await?;
            ensure!(answer["login"] == "unknown" && answer["problem"]["kind"] == kind, "{case}: {answer}");
            ensure!(answer["workingVersionId"].is_null(), "{case}: {answer}");
        }
        Ok(())
    })
}

#[test]
fn a_version_that_is_not_there_is_an_error() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("no-version")).await?;
        let event = json!({"Action": "checkLogin", "SecretId": app.arn, "VersionId": UNKNOWN_VERSION});
        let answer = cloud.look(&event).await?;
        ensure!(answer.kind() == "rotation.version_unknown", "{answer:?}");
        Ok(())
    })
}

#[test]
fn a_pending_version_that_the_broker_refuses_is_told_when_no_rotation_is_in_progress() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("pending")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(login_of(&seen, "AWSPENDING") == Some("refused"), "{seen:#}");
        ensure!(kinds(&seen).is_empty(), "a rotation may be in progress: {seen:#}");
        let (_proxy, _variant, function) = after_years(cloud).await?;
        let seen = inspect_with(cloud, &function, &app.arn).await?;
        ensure!(kinds(&seen) == ["pending.login_refused"], "{seen:#}");
        Ok(())
    })
}

#[test]
fn a_pending_value_that_can_never_be_used_is_told() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("stale-pending")).await?;
        let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
        value["vhost"] = json!("another");
        let put = cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(value.to_string());
        let version = put.version_stages("AWSPENDING").send().await?.version_id.context("no version")?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(said(&seen, "pending.stale")?.contains(&version), "{seen:#}");
        Ok(())
    })
}

//! Somebody who can connect as a broker user with few permissions: the application, or a thief of its password.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::cloud::{App, Cloud, random_text};
use testbed::lapin::{Connection, ConnectionProperties};

use super::reading::shown;
use crate::support::{current_logs_in, hold_all_connections, statistics_know};

/// The limit on connections in the tests about limits.
const CONNECTIONS: usize = 2;

async fn connect(cloud: &Cloud, user: &str, password: &str, named: &str) -> Result<Connection> {
    let port = cloud.broker.plain_amqp_port();
    let uri = format!("amqp://{user}:{password}@127.0.0.1:{port}/%2f");
    let properties = ConnectionProperties::default().with_connection_name(named.into());
    let connect = Connection::connect(&uri, properties);
    tokio::time::timeout(Duration::from_secs(10), connect).await?.context("no connection")
}

/// A secret whose first password was stolen. It has rotated once, so the thief's user is not in use.
async fn stolen(cloud: &Cloud, prefix: &str) -> Result<(App, String)> {
    let app = cloud.create_app(&name(prefix)).await?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let password = value["password"].as_str().context("no password")?.to_owned();
    cloud.rotate_successfully(&app.arn).await?;
    Ok((app, password))
}

#[test]
fn a_low_user_sees_and_changes_no_other_user() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, password) = stolen(cloud, "low").await?;
        let low = cloud.broker.management()?.as_user(&app.user, &password);
        for refused in [
            low.user(cloud.broker.admin_user()).await.err(),
            low.grants(&format!("{}_clone", app.user)).await.err(),
            low.connections_of(cloud.broker.admin_user()).await.err(),
            low.create_user(&app.user, "a password of my own", &["administrator"]).await.err(),
            low.set_limit(&app.user, "max-connections", 1).await.err(),
        ] {
            let refused = refused.context("a call was not refused")?;
            ensure!(format!("{refused:#}").contains("401"), "{refused:#}");
        }
        Ok(())
    })
}

#[test]
fn a_thief_who_holds_all_connections_of_the_user_does_not_keep_it_from_rotating() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("full")).await?;
        let management = cloud.broker.management()?;
        management.set_limit(&app.user, "max-connections", i64::try_from(CONNECTIONS)?).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().context("no password")?;
        cloud.rotate_successfully(&app.arn).await?;
        let _held = hold_all_connections(cloud, &app.user, password, CONNECTIONS).await?;
        cloud.rotate_successfully(&app.arn).await?;
        current_logs_in(cloud, &app.arn).await?;
        ensure!(!cloud.logs_in(&value).await?, "the stolen password still logs in");
        Ok(())
    })
}

#[test]
fn a_connection_that_outlives_two_rotations_is_one_warning() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, password) = stolen(cloud, "outlived").await?;
        let thief = connect(cloud, &app.user, &password, "thief").await?;
        statistics_know(cloud, &app.user).await?;
        for _ in 0..2 {
            cloud.rotate_successfully(&app.arn).await?;
        }
        // While the password is newer than a closed connection in the list may be, nothing is reported about
        // sessions.
        tokio::time::sleep(std::time::Duration::from_secs(36)).await;
        cloud.rotate_successfully(&app.arn).await?;
        ensure!(thief.status().connected(), "the connection is gone by itself");
        let alerts = cloud.alerts.wait_for(&app.arn, 1).await?;
        ensure!(alerts.len() == 1, "{alerts:#?}");
        let alert = alerts.first().context("no alert")?;
        let context = &alert["metadata"]["additionalContext"];
        ensure!(context["kind"] == "connections.outlived" && context["severity"] == "warning", "{alert}");
        ensure!(shown(alert).contains(&app.user), "{alert}");
        Ok(())
    })
}

#[test]
fn the_name_of_a_connection_is_plain_text_in_the_alert() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = cloud.deploy_variant(&name("named"), &[("StaleConnections", "refuse")], &[]).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        let app = cloud.create_app(&name("named")).await?;
        // Somebody is connected as the user that the next rotation resets.
        let first = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = first["password"].as_str().context("no password")?;
        cloud.rotate_successfully(&app.arn).await?;
        let tag = random_text(6)?;
        let evil = format!("<https://evil.example/{tag}|playbook> <!channel> `curl evil.example`");
        let _thief = connect(cloud, &app.user, password, &evil).await?;
        statistics_know(cloud, &app.user).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let event = serde_json::json!({
            "Step": "setSecret", "SecretId": app.arn, "ClientRequestToken": version,
        });
        let answer = cloud.invoke_function(&variant.function, &event).await?;
        ensure!(answer.kind() == "connections.in_use", "{answer:?}");
        let alerts = alerts.wait_for(&app.arn, 1).await?;
        let shown = shown(alerts.first().context("no alert")?);
        ensure!(shown.contains("evil.example"), "the alert does not name the connection: {shown}");
        ensure!(!shown.contains("<https://evil") && !shown.contains("<!channel>"), "{shown}");
        ensure!(!shown.contains("`curl evil"), "{shown}");
        Ok(())
    })
}

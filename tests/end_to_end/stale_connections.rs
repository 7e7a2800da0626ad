//! Somebody is still connected as the user that is about to be reset.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::broker::close;
use testbed::cloud::{App, Cloud, Variant};
use testbed::lapin::Connection;

use crate::support::current_logs_in;

mod clients;
mod limits;
mod outlived;

pub use clients::frozen_client;
use clients::{Stubborn, polite_client};

/// A secret, and a client that connects with its first user and password before a rotation. The next setSecret resets
/// that user.
async fn connected_before<T>(
    cloud: &Cloud,
    prefix: &str,
    connect: impl AsyncFnOnce(&str, &str) -> Result<T>,
) -> Result<(App, String, T)> {
    let app = cloud.create_app(&name(prefix)).await?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let client = connect(&app.user, value["password"].as_str().context("no password")?).await?;
    cloud.rotate_successfully(&app.arn).await?;
    let version = cloud.begin_rotation(&app.arn).await?;
    cloud.step(&app.arn, &version, "createSecret").await?.value()?;
    Ok((app, version, client))
}

async fn somebody_is_connected(cloud: &Cloud, prefix: &str) -> Result<(App, String, Connection)> {
    connected_before(cloud, prefix, async |user, password| {
        cloud.broker.amqps_login(user, password, "/").await
    })
    .await
}

fn set_secret(app: &App, version: &str) -> Value {
    json!({"Step": "setSecret", "SecretId": app.arn, "ClientRequestToken": version})
}

async fn variant(cloud: &Cloud, policy: &str) -> Result<Variant> {
    cloud.deploy_variant(&name(policy), &[("StaleConnections", policy)], &[]).await
}

#[test]
fn report_names_the_connection_and_leaves_it_open() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, version, connection) = somebody_is_connected(cloud, "report").await?;
        cloud.invoke(&set_secret(&app, &version)).await?.value()?;
        ensure!(connection.status().connected(), "the connection was closed");
        let listed = cloud.broker.management()?.connections_of(&app.user).await?;
        let listed = listed.first().context("the connection is not listed")?;
        let log = cloud.aws.function_log("rotation-rotation-mq")?.join("\n");
        ensure!(log.contains(listed), "the log does not name {listed}");
        Ok(())
    })
}

#[test]
fn close_closes_a_client_that_connects_again_at_once_and_keeps_it_out() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = variant(cloud, "close").await?;
        let app = cloud.create_app(&name("close-it")).await?;
        let old = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = old["password"].as_str().context("no password")?;
        let client = Stubborn::connect(cloud, &app.user, password).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?.value()?;
        wait_until(|| !client.is_connected()).await.context("the client is still connected")?;
        ensure!(client.logins() == 1, "the client was closed while its password was still right");
        ensure!(!cloud.logs_in(&old).await?, "the old password still logs in");
        // A repeated step finds that the password is set. It still closes the connections that were opened before.
        cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?.value()?;
        cloud.steps(&app.arn, &version).await
    })
}

#[test]
fn refuse_names_who_is_connected_and_goes_on_once_they_are_gone() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = variant(cloud, "refuse").await?;
        let (app, version, connection) = somebody_is_connected(cloud, "refuse-it").await?;
        let answer = cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?;
        ensure!(answer.kind() == "connections.in_use", "{answer:?}");
        let notice = variant.notices.wait_for(&app.arn, 1).await?.first().cloned().unwrap_or_default();
        ensure!(notice["message"].as_str().unwrap_or_default().contains("127.0.0.1:"), "{notice}");
        ensure!(connection.status().connected(), "the connection was closed");
        current_logs_in(cloud, &app.arn).await?;

        close(&connection).await?;
        let management = cloud.broker.management()?;
        let started = Instant::now();
        while !management.connections_of(&app.user).await?.is_empty() {
            ensure!(started.elapsed() < Duration::from_secs(40), "a closed connection is still listed");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?.value()?;
        cloud.steps(&app.arn, &version).await
    })
}

#[test]
fn refuse_does_not_refuse_on_a_client_that_is_dead() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = variant(cloud, "refuse").await?;
        let port = cloud.broker.plain_amqp_port();
        let (app, version, _frozen) = connected_before(cloud, "dead-client", async |user, password| {
            frozen_client(format!("amqp://{user}:{password}@127.0.0.1:{port}/%2f?heartbeat=30")).await
        })
        .await?;
        let started = Instant::now();
        loop {
            let answer = cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?;
            if answer.kind().is_empty() {
                break;
            }
            ensure!(answer.kind() == "connections.in_use", "{answer:?}");
            ensure!(
                started.elapsed() < Duration::from_secs(58),
                "refused for longer than a heartbeat and a half"
            );
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        ensure!(
            started.elapsed() > Duration::from_secs(20),
            "a connection that was alive a moment ago was closed"
        );
        Ok(())
    })
}

#[test]
fn refuse_does_not_refuse_on_a_client_that_said_goodbye() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = variant(cloud, "refuse").await?;
        let port = cloud.broker.plain_amqp_port();
        let (app, version, _lingering) = connected_before(cloud, "polite-client", async |user, password| {
            polite_client(port, user, password).await
        })
        .await?;
        let started = Instant::now();
        while !cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?.kind().is_empty()
        {
            // The broker lists the connection for 30 s. Its statistics, which are at most 5 s old, report that it is
            // closed.
            ensure!(started.elapsed() < Duration::from_secs(20), "refused although nobody is there any more");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    })
}

async fn wait_until(mut ready: impl FnMut() -> bool) -> Result<()> {
    let started = Instant::now();
    while !ready() {
        ensure!(started.elapsed() < Duration::from_secs(40), "not within 40 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

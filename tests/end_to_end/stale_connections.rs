//! Somebody is still connected as the user that is about to be reset.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, Variant};
use testbed::lapin::{Connection, ConnectionProperties};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::current_logs_in;

/// A pair whose second user was reset by somebody else and is connected: the next setSecret has to reset it.
async fn somebody_is_connected(cloud: &Cloud, prefix: &str) -> Result<(App, String, Connection)> {
    let app = cloud.create_app(&name(prefix)).await?;
    let (clone, password) = (format!("{}_clone", app.user), "a password of somebody else");
    let management = cloud.broker.management()?;
    management.create_user(&clone, password, &[]).await?;
    management.set_permissions(&clone, "/", ["", "", ""]).await?;
    let connection = cloud.broker.amqps_login(&clone, password, "/").await?;
    let version = cloud.begin_rotation(&app.arn).await?;
    cloud.step(&app.arn, &version, "createSecret").await?.value()?;
    Ok((app, version, connection))
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
        let listed = cloud.broker.management()?.connections_of(&format!("{}_clone", app.user)).await?;
        let listed = listed.first().context("the connection is not listed")?;
        let log = cloud.aws.function_log("rotation-rotation-mq")?.join("\n");
        ensure!(log.contains(listed), "the log does not name {listed}");
        Ok(())
    })
}

#[test]
fn close_closes_the_connection_before_the_reset() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = variant(cloud, "close").await?;
        let (app, version, connection) = somebody_is_connected(cloud, "close-it").await?;
        cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?.value()?;
        wait_until(|| !connection.status().connected()).await.context("the connection is still open")?;
        Ok(())
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

        connection.close(200, "bye".into()).await?;
        let management = cloud.broker.management()?;
        let clone = format!("{}_clone", app.user);
        let started = Instant::now();
        while !management.connections_of(&clone).await?.is_empty() {
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
        let app = cloud.create_app(&name("dead-client")).await?;
        let (clone, password) = (format!("{}_clone", app.user), "a-password-of-somebody-else");
        let management = cloud.broker.management()?;
        management.create_user(&clone, password, &[]).await?;
        management.set_permissions(&clone, "/", ["", "", ""]).await?;
        let uri = format!(
            "amqp://{clone}:{password}@127.0.0.1:{}/%2f?heartbeat=30",
            cloud.broker.plain_amqp_port()
        );
        let _frozen = frozen_client(uri).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
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
        let app = cloud.create_app(&name("polite-client")).await?;
        let (clone, password) = (format!("{}_clone", app.user), "a-password-of-somebody-else");
        let management = cloud.broker.management()?;
        management.create_user(&clone, password, &[]).await?;
        management.set_permissions(&clone, "/", ["", "", ""]).await?;
        let _lingering = polite_client(cloud.broker.plain_amqp_port(), &clone, password).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let started = Instant::now();
        while !cloud.invoke_function(&variant.function, &set_secret(&app, &version)).await?.kind().is_empty()
        {
            // The broker lists the connection for 30 s, and its statistics, 5 s old at the most, say that it is closed.
            ensure!(started.elapsed() < Duration::from_secs(20), "refused although nobody is there any more");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    })
}

/// A client that has closed its AMQP connection and not its socket, as a slow TLS client looks to the broker. Without a
/// heartbeat, so that its silence says nothing.
async fn polite_client(port: u16, user: &str, password: &str) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(b"AMQP\0\0\x09\x01").await?;
    let credentials = format!("\0{user}\0{password}");
    let length = u32::try_from(credentials.len())?.to_be_bytes();
    // AMQP 0-9-1 section 1.4: start-ok, tune-ok (2047 channels, frames of 128 KiB), open, close.
    let mut start_ok = vec![0, 10, 0, 11, 0, 0, 0, 0, 5];
    for part in [&b"PLAIN"[..], &length, credentials.as_bytes(), b"\x05en_US"] {
        start_ok.extend(part);
    }
    let tune_ok = [0, 10, 0, 31, 0x07, 0xff, 0, 2, 0, 0, 0, 0];
    let open = [0, 10, 0, 40, 1, b'/', 0, 0];
    let close = [0, 10, 0, 50, 0, 200, 3, b'b', b'y', b'e', 0, 0, 0, 0];
    expect(&mut socket, "start", 10).await?;
    send(&mut socket, &start_ok).await?;
    expect(&mut socket, "tune", 30).await?;
    send(&mut socket, &tune_ok).await?;
    send(&mut socket, &open).await?;
    expect(&mut socket, "open-ok", 41).await?;
    send(&mut socket, &close).await?;
    expect(&mut socket, "close-ok", 51).await?;
    Ok(socket)
}

async fn send(socket: &mut TcpStream, method: &[u8]) -> Result<()> {
    let length = u32::try_from(method.len())?.to_be_bytes();
    Ok(socket.write_all(&[&[1, 0, 0], &length[..], method, &[0xce]].concat()).await?)
}

async fn expect(socket: &mut TcpStream, what: &str, id: u8) -> Result<()> {
    let mut head = [0; 7];
    socket.read_exact(&mut head).await?;
    let mut rest = vec![0; u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize + 1];
    socket.read_exact(&mut rest).await?;
    ensure!(rest.get(..4) == Some(&[0, 10, 0, id]), "the broker did not answer {what}");
    Ok(())
}

/// A client whose runtime stands still after the login, so that it sends no heartbeat any more, until the
/// answer is dropped.
async fn frozen_client(uri: String) -> Result<std::sync::mpsc::Sender<()>> {
    let (connected, answer) = tokio::sync::oneshot::channel();
    let (guard, dropped) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(Connection::connect(&uri, ConnectionProperties::default()))?;
        let _ = connected.send(());
        // Ends with an error when the guard is dropped.
        let _ = dropped.recv();
        drop(connection);
        Ok(())
    });
    answer.await.context("the client did not connect")?;
    Ok(guard)
}

async fn wait_until(mut ready: impl FnMut() -> bool) -> Result<()> {
    let started = Instant::now();
    while !ready() {
        ensure!(started.elapsed() < Duration::from_secs(40), "not within 40 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

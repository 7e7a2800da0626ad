//! A broker, an admin or a certificate with a fault. What can be seen without it is still seen.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::aws::{BrokerEngine, BrokerState};
use testbed::cloud::{Cloud, random_text};
use testbed::tcp_proxy::{TcpFault, TcpProxy};
use tokio::net::{TcpListener, TcpStream};

use super::{inspect, kinds, login_of, said};

#[test]
fn a_broker_that_does_not_answer_is_one_finding_and_no_error() -> Result<()> {
    on_the_cloud(async |cloud| {
        let closed = testbed::ports::free_ports(1)?.first().copied().context("no port")?;
        let console = format!("https://localhost:{closed}");
        let app = cloud.create_app_at(&name("down"), closed, &console).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["broker.unreachable"], "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("unknown"), "{seen:#}");
        ensure!(seen["users"][0]["exists"].is_null() && seen["connectionsTotal"].is_null(), "{seen:#}");
        Ok(())
    })
}

#[test]
fn a_silent_port_hides_only_what_is_behind_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let amqps = TcpProxy::start(cloud.broker.amqps_port())?;
        amqps.fault_always(Some(TcpFault::BlackHole));
        let app =
            cloud.create_app_at(&name("no-amqps"), amqps.port(), &cloud.broker.management_url()).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["broker.unreachable"], "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("unknown"), "{seen:#}");
        ensure!(seen["users"][0]["exists"] == true && seen["broker"]["version"].is_string(), "{seen:#}");
        ensure!(seen["broker"]["certificateEnds"].is_null(), "{seen:#}");

        let console = TcpProxy::start(cloud.broker.management_port())?;
        console.fault_always(Some(TcpFault::BlackHole));
        let url = format!("https://localhost:{}", console.port());
        let app = cloud.create_app_at(&name("no-console"), cloud.broker.amqps_port(), &url).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["broker.unreachable"], "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("accepted"), "{seen:#}");
        ensure!(seen["users"][0]["exists"].is_null(), "{seen:#}");
        ensure!(seen["broker"]["certificateDays"].is_i64(), "{seen:#}");
        Ok(())
    })
}

/// The inspection of a secret whose admin secret has these changes.
async fn with_admin(cloud: &Cloud, prefix: &str, changes: &Value) -> Result<Value> {
    let own = name(prefix);
    let admin = cloud.create_admin(&own, changes).await?;
    let app = cloud.create_app_with(&own, &json!({"masterarn": admin})).await?;
    inspect(cloud, &app.arn).await
}

#[test]
fn an_admin_that_does_not_get_in_is_a_finding_and_the_login_of_the_application_is_still_seen() -> Result<()> {
    on_the_cloud(async |cloud| {
        let plain = name("no-admin");
        let password = random_text(32)?;
        cloud.broker.management()?.create_user(&plain, &password, &["monitoring"]).await?;
        let elsewhere =
            json!({"brokerId": null, "host": "broker.example", "managementUrl": "https://broker.example"});
        for (prefix, changes, kind) in [
            ("locked", json!({"password": "not-the-broker-s"}), "admin.login_refused"),
            ("monitor", json!({"username": plain, "password": password}), "admin.not_administrator"),
            ("broken", json!({"password": 12}), "admin.secret_unreadable"),
            ("elsewhere", elsewhere, "admin.other_broker"),
        ] {
            let seen = with_admin(cloud, prefix, &changes).await?;
            ensure!(kinds(&seen).contains(&kind), "{prefix}: {seen:#}");
            ensure!(kinds(&seen).iter().all(|found| found.starts_with("admin.")), "{prefix}: {seen:#}");
            ensure!(login_of(&seen, "AWSCURRENT") == Some("accepted"), "{prefix}: {seen:#}");
        }
        let none = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq-admin/none-AbCdEf";
        let app = cloud.create_app_with(&name("nowhere"), &json!({"masterarn": none})).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["admin.secret_unreadable"], "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("accepted"), "{seen:#}");
        Ok(())
    })
}

#[test]
fn the_state_in_amazon_mq_is_shown_and_a_broker_that_is_not_there_is_a_finding() -> Result<()> {
    on_the_cloud(async |cloud| {
        let console = cloud.broker.management_url();
        let amqps = format!("amqps://localhost:{}", cloud.broker.amqps_port());
        for (prefix, state, shown, expected) in [
            ("degraded", BrokerState::CriticalActionRequired, "CRITICAL_ACTION_REQUIRED", &[][..]),
            ("rebooting", BrokerState::RebootInProgress, "REBOOT_IN_PROGRESS", &[]),
            ("failed", BrokerState::CreationFailed, "CREATION_FAILED", &["broker.not_running"]),
        ] {
            let own = name(prefix);
            let id = cloud.aws.put_broker(&own, &console, &amqps, BrokerEngine::RabbitMq, state).await?;
            let admin = cloud.create_admin(&own, &json!({"brokerId": id})).await?;
            let app = cloud.create_app_with(&own, &json!({"brokerId": id, "masterarn": admin})).await?;
            let seen = inspect(cloud, &app.arn).await?;
            ensure!(kinds(&seen) == expected, "{prefix}: {seen:#}");
            ensure!(seen["broker"]["state"] == shown && seen["broker"]["name"] == id, "{prefix}: {seen:#}");
        }
        Ok(())
    })
}

#[test]
fn a_certificate_that_ends_soon_is_told_with_its_day() -> Result<()> {
    on_the_cloud(async |cloud| {
        let port = ending_soon(cloud).await?;
        let app = cloud.create_app_at(&name("ending"), port, &cloud.broker.management_url()).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["broker.certificate_ends"], "{seen:#}");
        let days = seen["broker"]["certificateDays"].as_i64().unwrap_or_default();
        ensure!((9..=10).contains(&days), "{seen:#}");
        let ends = seen["broker"]["certificateEnds"].as_str().context("no end")?;
        ensure!(said(&seen, "broker.certificate_ends")?.contains(ends), "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("accepted"), "{seen:#}");
        Ok(())
    })
}

/// The broker's AMQP behind a certificate that ends in ten days. Returns the port.
async fn ending_soon(cloud: &Cloud) -> Result<u16> {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(cloud.certificates.ending_server_config()?));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let (port, upstream) = (listener.local_addr()?.port(), cloud.broker.plain_amqp_port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(stream).await?;
                let mut broker = TcpStream::connect(("127.0.0.1", upstream)).await?;
                tokio::io::copy_bidirectional(&mut client, &mut broker).await
            });
        }
    });
    Ok(port)
}

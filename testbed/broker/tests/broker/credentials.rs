//! Passwords, logins and open connections.

use std::sync::Arc;

use anyhow::{Result, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use broker::management::Management;
use broker::{Broker, MINIMUM_PASSWORD_LENGTH, amqps_login, answers};
use reqwest::Method;
use rustls::pki_types::ServerName;
use sandbox::certificates::{Certificates, client_config_of};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{broker, connected, installation, scratch, until};

/// RabbitMQ's format: salt of 4 bytes, then SHA-256 of salt and password, in base64 (manual, "Password Hashing").
fn hash(salt: [u8; 4], password: &str) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(password).finalize();
    BASE64_STANDARD.encode([salt.as_slice(), &digest].concat())
}

async fn put_user(management: &Management, user: &str, body: Value) -> Result<(u16, Value)> {
    let answer = management.call(Method::PUT, &["users", user], Some(&body)).await?;
    Ok((answer.status, answer.body))
}

#[tokio::test]
async fn a_put_without_a_password_wipes_the_password() -> Result<()> {
    let (broker, user) = (broker().await?, "wiped");
    connected(broker, user, "first-password-1").await?;
    assert!(broker.can_log_in(user, "first-password-1").await?);
    let (status, _) = put_user(&broker.management()?, user, json!({"tags": ""})).await?;
    assert_eq!(status, 204);
    assert!(!broker.can_log_in(user, "first-password-1").await?);
    assert!(!broker.can_log_in(user, "").await?);
    Ok(())
}

#[tokio::test]
async fn a_hash_with_its_algorithm_works_at_once_and_reads_back_byte_for_byte() -> Result<()> {
    let (broker, user) = (broker().await?, "hashed");
    let management = broker.management()?;
    connected(broker, user, "first-password-1").await?;
    for round in 0..20_u8 {
        let password = format!("hashed-password-{round}");
        let hash = hash([round, 0, 255, 7], &password);
        let body =
            json!({"password_hash": hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""});
        assert_eq!(put_user(&management, user, body).await?.0, 204);
        assert!(broker.can_log_in(user, &password).await?, "round {round}");
        let read = management.user(user).await?.unwrap_or_default();
        assert_eq!(read["password_hash"], hash.as_str());
    }
    Ok(())
}

#[tokio::test]
async fn a_hash_under_another_algorithms_name_is_accepted_and_cannot_log_in() -> Result<()> {
    let (broker, user, password) = (broker().await?, "misnamed", "some-password-12");
    connected(broker, user, "first-password-1").await?;
    let body = json!({"password_hash": hash([1, 2, 3, 4], password),
        "hashing_algorithm": "rabbit_password_hashing_sha512", "tags": ""});
    assert_eq!(put_user(&broker.management()?, user, body).await?.0, 204);
    assert!(!broker.can_log_in(user, password).await?);
    Ok(())
}

#[tokio::test]
async fn a_new_password_keeps_open_connections_and_refuses_the_old_one() -> Result<()> {
    let (broker, user) = (broker().await?, "changed");
    let connection = connected(broker, user, "first-password-1").await?;
    broker.management()?.create_user(user, "second-password-2", &[]).await?;
    assert!(broker.can_log_in(user, "second-password-2").await?);
    assert!(!broker.can_log_in(user, "first-password-1").await?);
    assert!(answers(&connection).await, "an open connection ended");
    Ok(())
}

#[tokio::test]
async fn closing_the_connections_of_a_user_ends_them_and_nobody_elses() -> Result<()> {
    let broker = broker().await?;
    let management = broker.management()?;
    let (one, other) = (
        connected(broker, "closed", "a-password-123").await?,
        connected(broker, "kept", "a-password-123").await?,
    );
    until("the connection is listed", async || Ok(management.connections_of("closed").await?.len() == 1))
        .await?;
    until("the connection is closed", async || {
        // A call immediately after the opening of a connection can miss it.
        management.close_connections_of("closed").await?;
        Ok(!answers(&one).await)
    })
    .await?;
    until("nothing is listed", async || Ok(management.connections_of("closed").await?.is_empty())).await?;
    assert!(answers(&other).await);
    assert!(broker.can_log_in("closed", "a-password-123").await?, "the user itself stays as it was");
    management.close_connections_of("never-existed").await
}

#[tokio::test]
async fn deleting_a_user_ends_its_connections() -> Result<()> {
    let broker = broker().await?;
    let connection = connected(broker, "deleted", "a-password-123").await?;
    broker.management()?.delete_user("deleted").await?;
    until("the connection is closed", async || Ok(!answers(&connection).await)).await?;
    assert!(!broker.can_log_in("deleted", "a-password-123").await?);
    Ok(())
}

#[tokio::test]
async fn over_http_a_bad_login_and_a_right_password_without_a_tag_differ_by_one_letter() -> Result<()> {
    let broker = broker().await?;
    connected(broker, "untagged", "a-password-123").await?;
    for (user, password, error) in [
        ("untagged", "a-password-123", "not_authorised"),
        ("untagged", "wrong", "not_authorized"),
        ("unknown-user", "wrong", "not_authorized"),
    ] {
        let answer =
            broker.management()?.as_user(user, password).call(Method::GET, &["whoami"], None).await?;
        assert_eq!((answer.status, &answer.body["error"]), (401, &json!(error)));
    }
    Ok(())
}

#[tokio::test]
async fn a_vhost_that_is_missing_or_forbidden_is_no_refused_password() -> Result<()> {
    let broker = broker().await?;
    let management = broker.management()?;
    management.create_user("vhostless", "a-password-123", &[]).await?;
    let forbidden = broker.can_log_in("vhostless", "a-password-123").await;
    ensure!(forbidden.is_err(), "a login without any permission: {forbidden:?}");
    assert!(!broker.can_log_in("vhostless", "wrong").await?, "the broker checks the password first");
    assert!(broker.amqps_login("vhostless", "a-password-123", "no such vhost").await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_short_password_is_refused_and_its_hash_is_not() -> Result<()> {
    let folder = scratch("validator")?;
    let certificates = Certificates::create(&folder.join("tls"))?;
    let extra = &MINIMUM_PASSWORD_LENGTH;
    let broker = Broker::start_configured(&installation()?, &folder, &certificates, extra).await?;
    let management = broker.management()?;
    let refused = json!({"error": "bad_request", "reason": "credential_validation_failed"});
    assert_eq!(
        put_user(&management, "short", json!({"password": "short", "tags": ""})).await?,
        (400, refused.clone())
    );
    assert_eq!(management.user("short").await?, None);
    connected(&broker, "short", "long-enough-password").await?;
    assert_eq!(
        put_user(&management, "short", json!({"password": "short", "tags": ""})).await?,
        (400, refused)
    );
    assert!(broker.can_log_in("short", "long-enough-password").await?, "a refused change changes nothing");
    let body = json!({"password_hash": hash([9; 4], "short"), "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""});
    assert_eq!(put_user(&management, "short", body).await?.0, 204);
    assert!(broker.can_log_in("short", "short").await?);
    Ok(())
}

#[tokio::test]
async fn tls_is_verified_and_a_plain_port_speaks_none() -> Result<()> {
    let broker = broker().await?;
    let (user, password) = (broker.admin_user(), broker.admin_password());
    let unrelated = broker.ca_pem().with_file_name("unrelated-ca.pem");
    assert!(amqps_login(broker.amqps_port(), &unrelated, user, password, "/").await.is_err());
    let distrusting = Management::new(&broker.management_url(), &unrelated, user, password)?;
    assert!(distrusting.version().await.is_err());
    assert!(amqps_login(broker.plain_amqp_port(), &broker.ca_pem(), user, password, "/").await.is_err());
    let plain = format!("https://localhost:{}", broker.plain_http_port());
    assert!(Management::new(&plain, &broker.ca_pem(), user, password)?.version().await.is_err());
    let plain = format!("http://localhost:{}", broker.plain_http_port());
    assert!(
        Management::new(&plain, &broker.ca_pem(), user, password)?.version().await.is_ok(),
        "it is there, without TLS"
    );
    Ok(())
}

#[tokio::test]
async fn both_ports_speak_tls_1_2_and_1_3() -> Result<()> {
    let broker = broker().await?;
    for port in [broker.amqps_port(), broker.management_port()] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let connector = TlsConnector::from(Arc::new(client_config_of(&broker.ca_pem(), &[version])?));
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let tls = connector.connect(ServerName::try_from("127.0.0.1")?, stream).await?;
            assert_eq!(tls.get_ref().1.protocol_version(), Some(version.version));
        }
    }
    Ok(())
}

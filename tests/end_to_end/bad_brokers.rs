//! Errors on the broker, or between it and the secrets. Each is reported with its kind, and nothing is changed.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, random_text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{failed_once, state_of};

/// Creates the pending value. Then setSecret must fail and leave the broker and the stages unchanged.
pub async fn set_secret_fails(cloud: &Cloud, app: &App, kind: &str, words: &str) -> Result<Value> {
    let version = match cloud.version(&app.arn, "AWSPENDING").await? {
        Some(version) => version,
        None => cloud.begin_rotation(&app.arn).await?,
    };
    cloud.step(&app.arn, &version, "createSecret").await?.value()?;
    let before = state_of(cloud, &app.user, &app.arn).await?;
    let answer = cloud.step(&app.arn, &version, "setSecret").await?;
    let notice = failed_once(cloud, &app.arn, &answer, kind, words).await?;
    ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "{kind}: something was changed");
    Ok(notice)
}

#[test]
fn an_admin_secret_that_is_missing_or_unusable_is_named() -> Result<()> {
    on_the_cloud(async |cloud| {
        let missing = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq-admin/missing-AbCdEf";
        let app = cloud.create_app_with(&name("admin-missing"), &json!({"masterarn": missing})).await?;
        set_secret_fails(cloud, &app, "admin.secret_unreadable", missing).await?;
        let user = name("admin-invalid");
        let admin = cloud.create_admin(&user, &json!({"password": ""})).await?;
        let app = cloud.create_app_with(&user, &json!({"masterarn": admin})).await?;
        set_secret_fails(cloud, &app, "admin.secret_unreadable", "`password` is empty").await?;
        Ok(())
    })
}

#[test]
fn an_admin_secret_of_another_broker_is_refused_before_its_password_is_sent_anywhere() -> Result<()> {
    on_the_cloud(async |cloud| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let elsewhere = format!("https://localhost:{}", listener.local_addr()?.port());
        let changes = json!({
            "brokerId": null, "host": "localhost", "port": cloud.broker.amqps_port(), "managementUrl": elsewhere,
        });
        let app = cloud.create_app_with(&name("other-broker"), &changes).await?;
        set_secret_fails(cloud, &app, "admin.other_broker", &cloud.admin_secret).await?;
        let nobody_called = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await.is_err();
        ensure!(nobody_called, "somebody connected to the endpoint of the rotated secret");
        Ok(())
    })
}

#[test]
fn a_refused_login_of_the_admin_and_a_missing_administrator_tag_have_different_kinds() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("admin-password");
        let admin = cloud.create_admin(&user, &json!({"password": "wrong-password-of-the-admin"})).await?;
        let app = cloud.create_app_with(&user, &json!({"masterarn": admin})).await?;
        set_secret_fails(cloud, &app, "admin.login_refused", cloud.broker.admin_user()).await?;
        let (user, plain) = (name("admin-tag"), name("plain"));
        let password = random_text(32)?;
        cloud.broker.management()?.create_user(&plain, &password, &["management"]).await?;
        let admin = cloud.create_admin(&user, &json!({"username": plain, "password": password})).await?;
        let app = cloud.create_app_with(&user, &json!({"masterarn": admin})).await?;
        set_secret_fails(cloud, &app, "admin.not_administrator", "administrator").await?;
        Ok(())
    })
}

#[test]
fn a_rotated_secret_never_resets_the_admin_itself() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("admin-pair");
        let password = random_text(32)?;
        let clone = format!("{user}_clone");
        cloud.broker.management()?.create_user(&clone, &password, &["administrator"]).await?;
        let admin = cloud.create_admin(&user, &json!({"username": clone, "password": password})).await?;
        let app = cloud.create_app_with(&user, &json!({"masterarn": admin})).await?;
        set_secret_fails(cloud, &app, "admin.is_rotated_user", &clone).await?;
        Ok(())
    })
}

#[test]
fn a_missing_current_user_and_a_refused_login_have_different_kinds() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("user-missing")).await?;
        cloud.broker.management()?.delete_user(&app.user).await?;
        set_secret_fails(cloud, &app, "current.user_missing", &app.user).await?;
        let app =
            cloud.create_app_with(&name("user-password"), &json!({"password": "not-the-broker-s"})).await?;
        set_secret_fails(cloud, &app, "current.login_refused", &app.user).await?;
        Ok(())
    })
}

#[test]
fn a_missing_vhost_and_a_vhost_that_is_not_permitted_have_different_kinds() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("vhost-missing"), &json!({"vhost": "nowhere"})).await?;
        set_secret_fails(cloud, &app, "vhost.missing", "`nowhere`").await?;
        let vhost = name("closed");
        cloud.broker.management()?.create_vhost(&vhost).await?;
        cloud.broker.management()?.clear_permissions(cloud.broker.admin_user(), &vhost).await?;
        let app = cloud.create_app_with(&name("vhost-closed"), &json!({"vhost": vhost})).await?;
        set_secret_fails(cloud, &app, "vhost.not_permitted", &vhost).await?;
        Ok(())
    })
}

#[test]
fn refusals_of_the_broker_over_amqps_have_different_kinds_whatever_the_names_contain() -> Result<()> {
    on_the_cloud(async |cloud| {
        let management = cloud.broker.management()?;
        for (vhost, kind) in [
            ("not", "vhost.missing"),
            ("limit is reached", "vhost.missing"),
            ("this is not found", "vhost.not_permitted"),
            ("not found", "login.limit_reached"),
        ] {
            management.create_vhost(vhost).await?;
            let app = cloud.create_app_with(&name("limit-not-found"), &json!({"vhost": vhost})).await?;
            management.set_permissions(&app.user, vhost, [".*", ".*", ".*"]).await?;
            let version = cloud.begin_rotation(&app.arn).await?;
            for step in ["createSecret", "setSecret"] {
                cloud.step(&app.arn, &version, step).await?.value()?;
            }
            let both = [app.user.clone(), format!("{}_clone", app.user)];
            match kind {
                "vhost.missing" => management.delete_vhost(vhost).await?,
                "vhost.not_permitted" => {
                    for user in &both {
                        management.clear_permissions(user, vhost).await?;
                    }
                }
                _ => {
                    for user in &both {
                        management.set_limit(user, "max-connections", 0).await?;
                    }
                }
            }
            let answer = cloud.step(&app.arn, &version, "testSecret").await?;
            failed_once(cloud, &app.arn, &answer, kind, &both[1]).await?;
        }
        Ok(())
    })
}

#[test]
fn nothing_goes_over_plaintext_to_a_plain_port_on_either_protocol() -> Result<()> {
    on_the_cloud(async |cloud| {
        let broker = &cloud.broker;
        let plain_http = format!("https://localhost:{}", broker.plain_http_port());
        let app = cloud.create_app_at(&name("plain-http"), broker.amqps_port(), &plain_http).await?;
        set_secret_fails(cloud, &app, "broker.tls_refused", "TLS").await?;

        let app = cloud
            .create_app_at(&name("plain-amqp"), broker.plain_amqp_port(), &broker.management_url())
            .await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        let answer = cloud.step(&app.arn, &version, "testSecret").await?;
        failed_once(cloud, &app.arn, &answer, "broker.tls_refused", "TLS").await?;
        Ok(())
    })
}

#[test]
fn a_certificate_of_another_authority_is_refused() -> Result<()> {
    on_the_cloud(async |cloud| {
        let other_ca = cloud.certificates.unrelated_ca_pem().display().to_string();
        let variant = cloud.deploy_variant("other-ca", &[("BrokerCaBundle", &other_ca)], &[]).await?;
        let app = cloud.create_app(&name("wrong-ca")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let event = json!({"Step": "setSecret", "SecretId": app.arn, "ClientRequestToken": version});
        let answer = cloud.invoke_function(&variant.function, &event).await?;
        ensure!(answer.kind() == "broker.tls_refused", "{answer:?}");
        ensure!(format!("{answer:?}").contains("certificate"), "{answer:?}");
        ensure!(variant.notices.wait_for(&app.arn, 1).await?.len() == 1);
        Ok(())
    })
}

#[test]
fn a_broker_that_is_down_or_silent_is_reported_in_time() -> Result<()> {
    on_the_cloud(async |cloud| {
        let amqps = cloud.broker.amqps_port();
        let closed = testbed::ports::free_ports(1)?.first().copied().context("no port")?;
        let app = cloud.create_app_at(&name("down"), amqps, &format!("https://localhost:{closed}")).await?;
        set_secret_fails(cloud, &app, "broker.unreachable", "no connection").await?;

        // A listener that accepts connections and never answers, like a firewall that drops packets.
        let silent = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://localhost:{}", silent.local_addr()?.port());
        let app = cloud.create_app_at(&name("silent"), amqps, &url).await?;
        set_secret_fails(cloud, &app, "broker.unreachable", "security group").await?;
        Ok(())
    })
}

#[test]
fn a_management_api_that_answers_html_is_not_taken_for_a_broker() -> Result<()> {
    on_the_cloud(async |cloud| {
        let page = "<html><body>Service temporarily unavailable</body></html>";
        for (case, status) in
            [("html-200", "200 OK"), ("html-403", "403 Forbidden"), ("html-302", "302 Found")]
        {
            let url = serve_tls(cloud, format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\nlocation: https://localhost:1/\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}", page.len())).await?;
            let app = cloud.create_app_at(&name(case), cloud.broker.amqps_port(), &url).await?;
            set_secret_fails(cloud, &app, "broker.unexpected_answer", "not the management API").await?;
        }
        Ok(())
    })
}

/// A TLS server with the testbed's certificate that gives every request the same answer. Returns its URL.
async fn serve_tls(cloud: &Cloud, answer: String) -> Result<String> {
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(cloud.certificates.server_config()?));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("https://localhost:{}", listener.local_addr()?.port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let _ = stream.read(&mut [0; 8192]).await?;
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await
            });
        }
    });
    Ok(url)
}

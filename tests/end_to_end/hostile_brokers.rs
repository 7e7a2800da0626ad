//! No answer of a broker and no name of a stranger ends a function without a report, or uses more resources than
//! intended.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::broker::{Broker, Suite};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use crate::support::{app_on_node, converged, current_logs_in, failed_once, mark_of};

#[test]
fn a_broker_without_a_limit_for_frames_is_rotated_on_like_any_other() -> Result<()> {
    on_the_cloud(async |cloud| {
        let tools = testbed::cloud::workspace().join("target/testbed");
        let installation =
            tokio::task::spawn_blocking(move || Broker::install(Suite::from_environment()?, &tools, &|_| {}))
                .await??;
        let folder = cloud.folder().join("broker-without-frame-max");
        let limitless =
            Broker::start_configured(&installation, &folder, &cloud.certificates, &["frame_max = 0"]).await?;
        let (amqps, console) = (limitless.amqps_port(), limitless.management_url());
        let app = app_on_node(cloud, &limitless, &name("frames"), amqps, &console).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let now = cloud.value(&app.arn, "AWSCURRENT").await?;
        let text = |field: &str| now[field].as_str().context("no text").map(str::to_owned);
        ensure!(limitless.can_log_in(&text("username")?, &text("password")?).await?, "it does not log in");
        Ok(())
    })
}

#[test]
fn a_topic_permission_on_an_exchange_that_no_url_can_name_is_removed_and_the_others_stay() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("dots")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let version = cloud.rotate_successfully(&app.arn).await?;
        converged(cloud, &app.user, &app.arn, &version).await?;
        let management = cloud.broker.management()?;
        let clone = format!("{}_clone", app.user);
        for exchange in [".", ".."] {
            management.create_topic_exchange("/", "amq.topic").await.ok();
            management.set_topic_permission(&clone, "/", exchange, [".*", ".*"]).await.ok();
        }
        for user in [&app.user, &clone] {
            management.set_topic_permission(user, "/", "amq.topic", ["^a", "^b"]).await?;
        }
        let version = cloud.rotate_successfully(&app.arn).await?;
        converged(cloud, &app.user, &app.arn, &version).await?;
        let grants = management.grants(&clone).await?.to_string();
        ensure!(grants.contains("amq.topic"), "a missing topic permission allows everything: {grants}");
        Ok(())
    })
}

#[test]
fn a_vhost_that_is_longer_than_amqp_allows_is_reported_and_ends_no_function() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("long-vhost"), &json!({"vhost": "v".repeat(256)})).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "testSecret"] {
            let answer = cloud.step(&app.arn, &version, step).await?;
            ensure!(answer.kind() == "secret.invalid", "{step}: {answer:?}");
            ensure!(format!("{answer:?}").contains("`vhost`"), "{step}: {answer:?}");
        }
        Ok(())
    })
}

#[test]
fn a_reader_of_the_pending_password_never_gets_the_old_extra_permissions_of_its_user() -> Result<()> {
    on_the_cloud(async |cloud| {
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let app = cloud.create_app_at(&name("extras"), cloud.broker.amqps_port(), proxy.url()).await?;
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let (management, clone) = (cloud.broker.management()?, format!("{}_clone", app.user));
        let finance = name("finance");
        management.create_vhost(&finance).await?;
        management.set_permissions(&clone, &finance, [".*"; 3]).await?;
        management.set_topic_permission(&app.user, "/", "amq.topic", ["^a", "^b"]).await?;
        // The answer of RabbitMQ 4.3 to a topic permission on a deleted exchange.
        let refused = Fault::Answer {
            status: 400,
            content_type: "application/json".to_owned(),
            body: r#"{"error":"bad_request","reason":["no_such_exchange","amq.topic"]}"#.to_owned(),
        };
        let grants_topic =
            |call: &Call| call.method == "PUT" && call.path.starts_with("/api/topic-permissions/");
        proxy.inject(Rule::at(1, grants_topic, refused));
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "broker.request_failed", "topic permission").await?;
        ensure!(!management.grants(&clone).await?.to_string().contains(&finance), "it kept its extras");
        let pending = cloud.value(&app.arn, "AWSPENDING").await?;
        ensure!(!cloud.logs_in(&pending).await?, "the pending password was set before the grants were right");
        cloud.steps(&app.arn, &version).await?;
        converged(cloud, &app.user, &app.arn, &version).await?;
        mark_of(cloud, &clone).await?;
        current_logs_in(cloud, &app.arn).await
    })
}

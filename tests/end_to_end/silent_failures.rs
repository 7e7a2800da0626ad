//! Failures without a notice, the incident that they belong to, and the end of each incident when its cause is fixed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Inbox;
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use crate::failure_path::{Path, notice, succeeded, types};
use crate::support::{current_logs_in, run_cli};

const SWEEP: &str = r#"{"schema":"dlq-handler-sweep/1"}"#;

#[expect(clippy::disallowed_methods, reason = "the emulator has the clock of this machine")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[test]
fn a_stuck_rotation_is_found_by_the_hourly_check_and_reported_once() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "still", &[]).await?;
        let app = cloud.create_app(&name("still")).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        let look = async || -> Result<Vec<Value>> {
            path.own.send(&[SWEEP.to_owned()]).await?;
            path.is_empty().await?;
            path.alerts.about(&app.arn).await
        };
        ensure!(look().await?.is_empty(), "it is under way");

        // The answer that Secrets Manager would give two hours later.
        let proxy = FaultProxy::http(cloud.aws.endpoint())?;
        cloud.add_variables(&path.handler, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url())]).await?;
        let arn = app.arn.clone();
        let dates = move |call: &Call| {
            let body = String::from_utf8_lossy(call.body()).into_owned();
            call.operation() == "ListSecretVersionIds" && body.contains(&arn)
        };
        let created = now().as_second() - 7_200;
        let body = json!({"ARN": app.arn, "Versions": [{"VersionId": version, "CreatedDate": created}]});
        let content_type = "application/x-amz-json-1.1".to_owned();
        proxy
            .inject(Rule::always(dates, Fault::Answer { status: 200, content_type, body: body.to_string() }));
        let alerts = look().await?;
        ensure!(types(&alerts) == ["incident.opened"], "{alerts:#?}");
        ensure!(alerts[0].to_string().contains("rotation.stuck"), "{alerts:#?}");
        ensure!(alerts[0].to_string().contains(&version), "{alerts:#?}");
        ensure!(look().await?.len() == 1, "reported twice");

        path.rule.send(&[succeeded(&app.arn, &now().to_string())]).await?;
        let alerts = path.alerts.wait_for(&app.arn, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_secret_is_one_incident_however_an_event_names_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "named", &[]).await?;
        let app = cloud.create_app(&name("named")).await?;
        let partial = app.arn.rsplit_once('-').context("no suffix")?.0.to_owned();
        let by_name = format!("rabbitmq/{}", app.user);

        let failures = [&partial, &by_name, &app.arn];
        for (number, secret) in failures.into_iter().enumerate() {
            path.queue
                .send(&[notice(secret, "vhost.missing", &number.to_string(), &now().to_string())])
                .await?;
        }
        path.is_empty().await?;
        path.rule.send(&[succeeded(&app.arn, &now().to_string())]).await?;
        let alerts = path.alerts.wait_for(&app.arn, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        ensure!(alerts.iter().any(|alert| alert.to_string().contains("3 failures")), "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_secret_that_was_mistyped_is_an_incident_of_the_function_and_of_no_secret() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "mistyped", &[]).await?;
        let mistyped = format!("rabbitmq/{}", name("no-such-secret"));
        path.queue.send(&[notice(&mistyped, "secret.not_found", "1", "2030-01-01T00:00:00Z")]).await?;
        let alerts = path.alerts.wait_for("rotation-rotation-mq", 1).await?;
        let alert = alerts[0].to_string();
        ensure!(alert.contains(&mistyped) && alert.contains("Nothing was changed"), "{alert}");
        ensure!(!alert.contains("does nothing for any secret"), "{alert}");
        ensure!(path.alerts.about(&mistyped).await?.is_empty(), "an incident that nothing ends");
        Ok(())
    })
}

#[test]
fn a_test_of_a_schedule_that_failed_and_then_succeeded_leaves_no_open_incident() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("tested");
        let admin = cloud.create_admin(&user, &json!({})).await?;
        let app = cloud.create_app_with(&user, &json!({"masterarn": admin})).await?;
        let right = cloud.value(&admin, "AWSCURRENT").await?;
        let mut wrong = right.clone();
        wrong["password"] = json!("not the admin's password");
        for (value, outcome, told) in [(&wrong, "failed", 1), (&right, "succeeded", 2)] {
            let put = cloud.secrets.put_secret_value().secret_id(&admin);
            put.secret_string(value.to_string()).send().await?;
            let tested = cloud.test_rotation(&app.arn).await?;
            ensure!(tested.outcome == outcome, "{tested:?}");
            cloud.alerts.wait_for(&app.arn, told).await?;
        }
        let alerts = cloud.alerts.about(&app.arn).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn an_alarm_reaches_a_subscriber_that_filters_alerts_by_severity() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "filtered", &[]).await?;
        let alarm = format!("{}-queue-age", path.variant.name);
        let topic = |output: &str| path.variant.stack.output(output).map(str::to_owned);
        let config = cloud.aws.sdk_config().await;
        let subscriber = Inbox::new(&config, &name("filtering")).await?;
        let queue = subscriber.arn().await?;
        let alerts = topic("AlertTopicArn")?;
        let filter =
            json!({"FilterPolicy": json!({"severity": ["critical", "error"]}).to_string()}).to_string();
        let subscribe =
            ["sns", "subscribe", "--protocol", "sqs", "--notification-endpoint", &queue, "--topic-arn"];
        run_cli(cloud, &[&subscribe[..], &[&alerts, "--attributes", &filter]].concat()).await?;
        let alarms = topic("AlarmTopicArn")?;
        run_cli(cloud, &[&subscribe[..], &[&alarms]].concat()).await?;
        let set = ["cloudwatch", "set-alarm-state", "--alarm-name", &alarm, "--state-value", "ALARM"];
        run_cli(cloud, &[&set[..], &["--state-reason", "a test"]].concat()).await?;
        let about = |message: &Value| message.to_string().contains(&alarm);
        subscriber.wait_until(1, Duration::from_secs(30), about).await?;
        // The other topic was notified at the same time.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let heard = subscriber.matching(about).await?;
        ensure!(heard.len() == 1, "once, by the topic without a filter: {heard:#?}");
        Ok(())
    })
}

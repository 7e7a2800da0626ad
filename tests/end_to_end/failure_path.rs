//! The handler under bad conditions: floods, repeated messages, wrong order, invalid messages, and its own failures.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Alerts, Cloud, DeadLetterQueue, Variant};

/// Secrets that do not exist. An alert about one contains less, but is sent.
pub fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq/{name}-AbCdEf")
}

pub fn notice(secret: &str, kind: &str, request: &str, occurred_at: &str) -> String {
    json!({
        "schema": "rotation-failure/1", "kind": kind, "severity": "error", "transient": false,
        "testOnly": false, "step": "setSecret", "secretArn": secret, "versionId": null, "broker": null,
        "user": null, "message": format!("setSecret failed ({kind})"), "causes": [],
        "function": "rotation-rotation-mq", "requestId": request, "occurredAt": occurred_at,
    })
    .to_string()
}

pub fn succeeded(secret: &str, at: &str) -> String {
    json!({
        "source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail", "id": at,
        "detail": {
            "eventName": "RotationSucceeded", "eventTime": at, "additionalEventData": {"SecretId": secret},
        },
    })
    .to_string()
}

/// A separate stack, so that a broken handler does not affect other tests.
pub struct Path {
    pub variant: Variant,
    pub alerts: Alerts,
    /// The queue of the topic.
    pub queue: DeadLetterQueue,
    /// The queue of the rule.
    pub rule: DeadLetterQueue,
    /// The queue of the handler's own failures.
    pub own: DeadLetterQueue,
    pub handler: String,
    all: Vec<DeadLetterQueue>,
}

impl Path {
    pub async fn deploy(cloud: &Cloud, prefix: &str, parameters: &[(&str, &str)]) -> Result<Self> {
        let variant = cloud.deploy_variant(&name(prefix), parameters, &[]).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        let queue = cloud.queue_of(&variant, "DeadLetterQueueUrl").await?;
        let rule = cloud.queue_of(&variant, "RuleQueueUrl").await?;
        let own = cloud.queue_of(&variant, "OwnQueueUrl").await?;
        let all = cloud.handler_queues(&variant).await?;
        for queue in &all {
            queue.retry_after(1).await?;
        }
        let handler = variant.stack.output("HandlerFunctionName")?.to_owned();
        Ok(Self { variant, alerts, queue, rule, own, handler, all })
    }

    /// Waits until all queues are empty. A sweep takes up to a minute. If it does not come to its end, its message is
    /// received again.
    pub async fn is_empty(&self) -> Result<()> {
        let started = Instant::now();
        for queue in &self.all {
            while queue.depth().await? > 0 {
                ensure!(started.elapsed() < Duration::from_mins(4), "messages stay in a queue");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}

pub fn types(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().filter_map(|alert| alert["metadata"]["eventType"].as_str()).collect()
}

#[test]
fn the_same_incident_reported_five_times_out_of_order_is_one_alert() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "disorder", &[]).await?;
        let secret = secret("disorder");
        let at = |minute: u32| format!("2026-11-25T08:{minute:02}:00Z");
        let mut bodies: Vec<String> = [3, 1, 5, 2, 4]
            .iter()
            .map(|minute| notice(&secret, "broker.unreachable", &format!("request-{minute}"), &at(*minute)))
            .collect();
        bodies.extend(bodies.clone());
        path.rule.send(&[succeeded(&secret, &at(0))]).await?;
        path.queue.send(&bodies).await?;
        path.is_empty().await?;
        let alerts = path.alerts.wait_for(&secret, 1).await?;
        ensure!(types(&alerts) == ["incident.opened"], "{alerts:#?}");

        path.rule.send(&[succeeded(&secret, &at(6))]).await?;
        let alerts = path.alerts.wait_for(&secret, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        let events = path.alerts.wait_for_events(&secret, 2).await?;
        let closed = events.last().context("no event")?;
        ensure!(closed["detail"]["failures"] == 5, "{closed}");
        ensure!(closed["detail"]["openedAt"] == at(1).as_str(), "{closed}");

        // A message that arrives after the end of the incident opens no new one.
        path.queue.send(&[notice(&secret, "broker.unreachable", "late", &at(2))]).await?;
        path.is_empty().await?;
        ensure!(path.alerts.about(&secret).await?.len() == 2);
        Ok(())
    })
}

#[test]
fn a_message_that_cannot_be_understood_is_reported_and_the_ten_beside_it_are_handled() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "poison", &[]).await?;
        let secrets: Vec<String> = (0..10).map(|number| secret(&format!("poison-{number}"))).collect();
        let time = "2026-11-25T08:00:00Z";
        let mut bodies: Vec<String> =
            secrets.iter().map(|secret| notice(secret, "admin.login_refused", secret, time)).collect();
        bodies.insert(5, "{\"password\": \"swordfish\", \"note\": \"poison\", ".to_owned());
        path.queue.send(&bodies).await?;
        let alerts = path.alerts.wait_until(11, |_| true).await?;
        for secret in &secrets {
            ensure!(path.alerts.about(secret).await?.len() == 1, "{secret}");
        }
        let is_unknown = |alert: &&Value| alert["metadata"]["additionalContext"]["kind"] == "message.unknown";
        let unknown = alerts.iter().find(is_unknown).context("the poison was dropped")?.to_string();
        ensure!(unknown.contains("poison") && !unknown.contains("swordfish"), "{unknown}");
        path.is_empty().await
    })
}

#[test]
fn messages_that_arrive_while_the_handler_is_down_are_reported_when_it_is_up_again() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "down", &[]).await?;
        let table = path.variant.stack.output("IncidentsTableName")?;
        cloud.add_variables(&path.handler, &[("INCIDENTS_TABLE", "no/table")]).await?;
        let secret = secret("down");
        path.queue.send(&[notice(&secret, "vhost.missing", "1", "2026-11-25T08:00:00Z")]).await?;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        ensure!(path.queue.depth().await? == 1 && path.alerts.about(&secret).await?.is_empty());
        cloud.add_variables(&path.handler, &[("INCIDENTS_TABLE", table)]).await?;
        let alerts = path.alerts.wait_for(&secret, 1).await?;
        path.is_empty().await?;
        ensure!(types(&alerts) == ["incident.opened"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn an_alert_that_sns_refuses_is_kept_and_sent_once_when_sns_takes_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "refusing", &[]).await?;
        // The emulator ends an invocation when its function is changed. So no attempt may run at that time: its
        // unsent messages would wait for the hourly run.
        path.queue.retry_after(5).await?;
        let topic = path.variant.stack.output("AlertTopicArn")?;
        let nowhere = "arn:aws:sns:us-east-1:000000000000:nowhere";
        cloud.add_variables(&path.handler, &[("ALERT_TOPIC_ARN", nowhere)]).await?;
        let secret = secret("refusing");
        path.queue.send(&[notice(&secret, "vhost.missing", "1", "2026-11-25T08:00:00Z")]).await?;
        // The event for other systems does not wait for the alert.
        path.alerts.wait_for_events(&secret, 1).await?;
        ensure!(path.queue.depth().await? == 1 && path.alerts.about(&secret).await?.is_empty());
        cloud.add_variables(&path.handler, &[("ALERT_TOPIC_ARN", topic)]).await?;
        path.alerts.wait_for(&secret, 1).await?;
        path.is_empty().await?;
        ensure!(path.alerts.about(&secret).await?.len() == 1);
        ensure!(path.alerts.wait_for_events(&secret, 1).await?.len() == 1, "the event was sent twice");
        Ok(())
    })
}

#[test]
fn a_message_that_cannot_be_handled_stays_in_the_second_queue() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "unhandled", &[]).await?;
        let unhandled = cloud.queue_of(&path.variant, "UnhandledQueueUrl").await?;
        path.queue.retry_after(0).await?;
        cloud.add_variables(&path.handler, &[("INCIDENTS_TABLE", "no-such-table")]).await?;
        path.queue
            .send(&[notice(&secret("unhandled"), "vhost.missing", "1", "2026-11-25T08:00:00Z")])
            .await?;
        path.is_empty().await?;
        ensure!(unhandled.depth().await? == 1, "it is gone");
        Ok(())
    })
}

#[test]
fn a_thousand_notices_at_once_are_one_alert_for_each_secret() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "flood", &[]).await?;
        let secrets: Vec<String> = (0..40).map(|number| secret(&format!("flood-{number}"))).collect();
        let mut bodies = Vec::new();
        for round in 0..25 {
            for secret in &secrets {
                let request = format!("{secret} {round}");
                bodies.push(notice(secret, "broker.unreachable", &request, "2026-11-25T08:00:00Z"));
            }
        }
        ensure!(bodies.len() == 1_000);
        path.queue.send(&bodies).await?;
        path.is_empty().await?;
        path.alerts.wait_until(secrets.len(), |_| true).await?;
        let ends: Vec<String> =
            secrets.iter().map(|secret| succeeded(secret, "2026-11-25T09:00:00Z")).collect();
        path.rule.send(&ends).await?;
        for secret in &secrets {
            let events = path.alerts.wait_for_events(secret, 2).await?;
            let closed = events.iter().find(|event| event["detail"]["state"] == "closed").context("open")?;
            ensure!(closed["detail"]["failures"] == 25, "{closed}");
            ensure!(path.alerts.about(secret).await?.len() <= 2, "{secret}");
        }
        Ok(())
    })
}

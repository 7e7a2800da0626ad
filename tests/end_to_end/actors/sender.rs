//! Somebody who may publish to the dead-letter topic or send to the queues: an administrator by mistake, or an
//! attacker who controls one of the functions. The policy of a queue defines who may send. The queue defines what a
//! message may claim.
//!
//! The emulator does not require permissions for the key from senders to SNS and SQS. On AWS, these actors need them,
//! too.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::Cloud;

use super::actor::{Actor, Attempt, allow};
use super::forged;
use crate::failure_path::{Path, notice, secret, types};

/// The queues of a stack: logical ID and URL.
fn queues(path: &Path) -> Vec<(String, String)> {
    let all = path.variant.stack.resources.iter();
    all.filter(|(id, url)| id.ends_with("Queue") && url.starts_with("http"))
        .map(|(id, url)| (id.clone(), url.clone()))
        .collect()
}

/// All send and publish actions, on all resources.
async fn sender<'a>(cloud: &'a Cloud) -> Result<Actor<'a>> {
    let sends = ["sqs:SendMessage", "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"];
    Actor::with(cloud, "sender", &[allow(&sends, &["*"])]).await
}

async fn send(actor: &Actor<'_>, url: &str, body: &Value) -> Result<Attempt<Value>> {
    actor.cli(&["sqs", "send-message", "--queue-url", url, "--message-body", &body.to_string()]).await
}

async fn publish(actor: &Actor<'_>, topic: &str, body: &Value) -> Result<Attempt<Value>> {
    actor.cli(&["sns", "publish", "--topic-arn", topic, "--message", &body.to_string()]).await
}

/// A rotation that has failed and was reported to SecOps.
async fn failed(path: &Path, kind: &str) -> Result<String> {
    let secret = secret(&name("failed"));
    path.queue.send(&[notice(&secret, kind, &secret, &forged::now()?)]).await?;
    path.alerts.wait_for(&secret, 1).await?;
    Ok(secret)
}

/// Checks that nothing about the secret was closed after all messages have been read.
async fn stays_open(path: &Path, secret: &str) -> Result<()> {
    path.is_empty().await?;
    let alerts = path.alerts.about(secret).await?;
    ensure!(!types(&alerts).contains(&"incident.closed"), "it was closed: {alerts:#?}");
    Ok(())
}

#[test]
fn a_success_of_a_rotation_counts_from_the_queue_of_the_rule_only() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "closed-queue", &[]).await?;
        let secret = failed(&path, "vhost.missing").await?;
        let sender = sender(cloud).await?;
        let forged = forged::succeeded(&secret, &forged::now()?);
        // No role of the stack may send to the rule's queue. Only an administrator of the account's queues may.
        // Without a cluster, no function reads the queue of the deliveries.
        let tried = |(queue, _): &(String, String)| !["RuleQueue", "DeliveryQueue"].contains(&queue.as_str());
        for (queue, url) in queues(&path).into_iter().filter(tried) {
            match send(&sender, &url, &forged).await? {
                Attempt::Denied(_) => {}
                // A queue that accepts the message does not trust it.
                Attempt::Allowed(_) => stays_open(&path, &secret).await.context(queue)?,
            }
        }
        stays_open(&path, &secret).await
    })
}

#[test]
fn a_publisher_to_the_topic_ends_no_incident_and_starts_no_check_of_all_incidents() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "publisher", &[]).await?;
        let topic = path.variant.stack.output("DeadLetterTopicArn")?;
        let function = "arn:aws:lambda:us-east-1:000000000000:function:rotation-secret2eks";
        let (rotation, delivery) = (failed(&path, "vhost.missing").await?, secret(&name("undelivered")));
        let record = forged::undelivered(&delivery, function, &forged::now()?);
        path.queue.send(&[record.to_string()]).await?;
        path.alerts.wait_for(&delivery, 1).await?;
        let sender = sender(cloud).await?;
        let now = forged::now()?;
        let waited = forged::succeeded(&rotation, &now).to_string();
        let request = json!({"secretArn": delivery, "versionId": delivery, "attempt": 1});
        for body in [
            forged::succeeded(&rotation, &now),
            forged::delivered(&delivery, function, &now),
            json!({"schema": "dlq-handler-waited/1", "body": waited, "sentAt": now}),
            json!({"schema": "dlq-handler-sweep/1"}),
            json!({"schema": "dlq-handler-redelivery/1", "request": request}),
            json!({"Type": "Notification", "Message": waited}),
        ] {
            // The message may be denied or not trusted.
            let _ = publish(&sender, topic, &body).await?;
        }
        for secret in [&rotation, &delivery] {
            stays_open(&path, secret).await?;
        }
        Ok(())
    })
}

#[test]
fn a_function_that_was_taken_over_closes_no_incident_of_a_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        // The shared stack, because the separate stacks have no secret2eks.
        let own = name("taken-over");
        let secret = secret(&own);
        let topic = cloud.stack.output("DeadLetterTopicArn")?;
        let open = notice(&secret, "vhost.missing", &secret, &forged::now()?);
        let root = ["sns", "publish", "--topic-arn", topic, "--message", &open];
        crate::support::run_cli(cloud, &root).await?;
        cloud.alerts.wait_for(&secret, 1).await?;
        let forged = forged::succeeded(&secret, &forged::now()?);
        for role in ["Secret2EksRole", "WatchRole", "RotationRole"] {
            let function = Actor::taken_over(cloud, &cloud.stack, role).await?;
            publish(&function, topic, &forged).await?;
            for (_, url) in cloud.stack.resources.iter().filter(|(id, _)| id.ends_with("Queue")) {
                send(&function, url, &forged).await?;
            }
            let alerts = cloud.stack.output("AlertTopicArn")?;
            if role != "WatchRole" {
                publish(&function, alerts, &forged).await?.denied("an alert of its own")?;
            }
        }
        // The handler reads a second failure of the secret after all sent messages.
        let mark = crate::failure_path::secret(&name("mark"));
        let body = notice(&mark, "vhost.missing", &mark, &forged::now()?);
        crate::support::run_cli(cloud, &["sns", "publish", "--topic-arn", topic, "--message", &body]).await?;
        cloud.alerts.wait_for(&mark, 1).await?;
        let alerts = cloud.alerts.about(&secret).await?;
        ensure!(!types(&alerts).contains(&"incident.closed"), "it was closed: {alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_rule_of_somebody_else_sends_no_event_to_the_queues() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "own-rule", &[]).await?;
        let secret = failed(&path, "vhost.missing").await?;
        let makes = ["events:PutRule", "events:PutTargets", "events:PutEvents"];
        let actor = Actor::with(cloud, "rule-maker", &[allow(&makes, &["*"])]).await?;
        let (region, account) = (cloud.aws.region(), cloud.aws.account());
        for (number, (queue, url)) in queues(&path).into_iter().enumerate() {
            let rule = name("own-rule");
            let source = format!("{rule}.source");
            let pattern = json!({"source": [source]}).to_string();
            actor
                .cli(&["events", "put-rule", "--name", &rule, "--event-pattern", &pattern])
                .await?
                .allowed(&queue)?;
            let arn =
                format!("arn:aws:sqs:{region}:{account}:{}", url.rsplit('/').next().unwrap_or_default());
            // An input transformer can create any text from an event, also the text of an event of Secrets Manager.
            let at = forged::now()?;
            let input = forged::succeeded(&secret, &at).to_string();
            let target = json!([{"Id": "1", "Arn": arn, "Input": input}]).to_string();
            actor
                .cli(&["events", "put-targets", "--rule", &rule, "--targets", &target])
                .await?
                .allowed(&queue)?;
            let entry = json!([{"Source": source, "DetailType": format!("{number}"), "Detail": "{}"}]);
            actor.cli(&["events", "put-events", "--entries", &entry.to_string()]).await?.allowed(&queue)?;
        }
        // EventBridge delivers within moments. The wait ends with an alert that comes after all of them.
        let mark = failed(&path, "vhost.missing").await?;
        path.alerts.wait_for(&mark, 1).await?;
        stays_open(&path, &secret).await
    })
}

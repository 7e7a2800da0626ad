//! The permissions of dlq-handler.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, DeadLetterQueue};

use super::{Role, Unasked, deliverer};
use crate::failure_path::{Path, notice, secret as nobodys_secret};

const UNASKED: [Unasked<'_>; 5] = [
    ("sqs:ReceiveMessage", "", "Lambda's event source mapping reads the queue with the function's role"),
    ("sqs:DeleteMessage", "", "as above"),
    ("sqs:GetQueueAttributes", "", "as above"),
    ("kms:", "", "SNS and SQS ask for them in the caller's name"),
    ("logs:", "", "Lambda writes the log with the function's role"),
];

#[test]
fn every_permission_of_dlq_handler_is_needed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let arn = deliverer(cloud).await?;
        let path = Path::deploy(cloud, "handler-rights", &[("Secret2EksFunctionArn", &arn)]).await?;
        // The secrets that the hourly run checks. An admin secret may rotate, too.
        for prefix in ["rabbitmq/", "rabbitmq-admin/"] {
            let secret = cloud.create_secret(&format!("{prefix}{}", name("stands-still")), "{}").await?;
            cloud.begin_rotation(&secret).await?;
        }
        let role = Role::of(cloud, &path.variant.stack, "HandlerRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || works(cloud, &path).await).await
    })
}

/// Reports a failure of a secret, of a missing secret and of an admin secret with a complete alert. A failed rotation
/// waits for its notice, a delivery is requested again, and the hourly run finds the open incidents.
async fn works(cloud: &Cloud, path: &Path) -> Result<()> {
    let own = name("handler-rights");
    let secret = cloud.create_secret(&format!("rabbitmq/{own}"), "{}").await?;
    let admin = cloud.create_admin(&own, &json!({})).await?;
    for arn in [&secret, &admin] {
        handles(cloud, path, notice(arn, "vhost.missing", arn, "2026-11-25T08:00:00Z")).await?;
        let alerts = path.alerts.wait_for(arn, 1).await?;
        let says = alerts.iter().any(|alert| alert.to_string().contains("No rotation has succeeded yet"));
        ensure!(says, "the alert does not say when it was rotated: {alerts:?}");
        path.alerts.wait_for_events(arn, 1).await?;
    }
    let nobodys = nobodys_secret(&own);
    handles(cloud, path, notice(&nobodys, "vhost.missing", &nobodys, "2026-11-25T08:00:00Z")).await?;
    handles_from(cloud, path, &path.rule, rotation_failed(&secret).to_string()).await?;
    let request = json!({"secretArn": secret, "versionId": own, "attempt": 2});
    let again = json!({"schema": "dlq-handler-redelivery/1", "request": request});
    handles_from(cloud, path, &path.own, again.to_string()).await?;
    handles_from(cloud, path, &path.own, json!({"schema": "dlq-handler-sweep/1"}).to_string()).await
}

/// A batch of one message in Lambda's format.
async fn handles(cloud: &Cloud, path: &Path, body: String) -> Result<()> {
    handles_from(cloud, path, &path.queue, body).await
}

async fn handles_from(cloud: &Cloud, path: &Path, queue: &DeadLetterQueue, body: String) -> Result<()> {
    let message = json!({"messageId": name("message"), "body": body, "eventSourceARN": queue.arn().await?});
    let event = json!({"Records": [message]});
    let function = path.variant.stack.output("HandlerFunctionName")?;
    let answer = cloud.invoke_function(function, &event).await?.value()?;
    ensure!(answer["batchItemFailures"] == json!([]), "{body}: {answer}");
    Ok(())
}

fn rotation_failed(secret: &str) -> Value {
    json!({
        "source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail", "id": secret,
        "detail": {
            "eventName": "RotationFailed", "eventTime": "2026-11-25T08:00:00Z",
            "additionalEventData": {"SecretId": secret},
        },
    })
}

//! The permissions with which Lambda sends the records of secret2eks: the queue of successes, the topic of failures.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use serde_json::json;
use testbed::cloud::Cloud;

use super::Role;
use crate::kubernetes::life::Suite;
use crate::support::run_cli;

/// More than the time between the end of an event and the arrival of its record.
const ARRIVAL: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

#[test]
fn lambda_needs_the_permissions_of_secret2eks_to_send_its_records() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "record-rights").await?;
        let function = suite.function()?;
        let role = Role::of(cloud, &suite.variant.stack, "Secret2EksRole").await?;
        let successes = cloud.queue_of(&suite.variant, "DeliveryQueueUrl").await?;
        // The handler would take the records.
        stop_reading(cloud, &successes.arn().await?).await?;
        let secret = suite.delivered("recorded").await?;
        let version = cloud.version(&secret.arn, "AWSCURRENT").await?;
        role.needs_its_right("sqs:SendMessage", async || {
            suite.settled().await?;
            successes.purge().await?;
            let request = json!({"secretArn": secret.arn, "versionId": version, "attempt": 1});
            cloud.send_event(function, &request).await?;
            suite.settled().await?;
            arrives(async || successes.is_busy().await).await
        })
        .await?;
        role.needs_its_right("sns:Publish", async || {
            let event = json!({"Action": name("nonsense")});
            cloud.send_event(function, &event).await?;
            suite.settled().await?;
            let notices = &suite.variant.notices;
            let is_ours = |message: &serde_json::Value| message["requestPayload"] == event;
            arrives(async || Ok(!notices.matching(is_ours).await?.is_empty())).await
        })
        .await
    })
}

async fn arrives(has_arrived: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let waits = async {
        while !has_arrived().await? {
            tokio::time::sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(ARRIVAL, waits).await.context("no record arrived")?
}

async fn stop_reading(cloud: &Cloud, queue: &str) -> Result<()> {
    let list = ["lambda", "list-event-source-mappings", "--event-source-arn", queue];
    let listed = run_cli(cloud, &list).await?;
    let mappings = listed["EventSourceMappings"].as_array().cloned().unwrap_or_default();
    ensure!(!mappings.is_empty(), "nobody reads {queue}: {listed}");
    for mapping in mappings {
        let id = mapping["UUID"].as_str().context("a mapping without an ID")?;
        run_cli(cloud, &["lambda", "delete-event-source-mapping", "--uuid", id]).await?;
    }
    Ok(())
}

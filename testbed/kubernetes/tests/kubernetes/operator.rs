//! External Secrets Operator: what it delivers, when, and from which secrets.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::Client;
use serde_json::Value;

use crate::support::{Delivery, create_secret, external_secret, shared, start, until, value};

/// A sync takes some 0.2 s on two idle cores.
const SECONDS: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_change_of_an_annotation_brings_the_new_value_within_seconds() -> Result<()> {
    let delivery = Delivery::new(shared().await?, "prompt", "one").await?;
    let synced = sync_state(&delivery).await?;
    delivery.put("two").await?;
    let asked = Instant::now();
    delivery.ask("second").await?;
    delivery.wait_for("two").await?;
    let took = asked.elapsed();
    println!("an annotation's change was followed in {took:?}");
    assert!(took < SECONDS, "{took:?}");
    until("the operator reports the sync", async || Ok(sync_state(&delivery).await? != synced)).await
}

#[tokio::test]
async fn the_same_annotation_again_brings_nothing() -> Result<()> {
    let delivery = Delivery::new(shared().await?, "repeated", "one").await?;
    delivery.put("two").await?;
    delivery.ask("first").await?;
    // What follows it comes after it.
    let other = Delivery::new(delivery.shared, "after-repeated", "one").await?;
    assert_eq!(delivery.password().await?.as_deref(), Some("one"));
    assert_eq!(other.password().await?.as_deref(), Some("one"));
    Ok(())
}

#[tokio::test]
async fn a_store_reads_no_secret_of_another_namespace() -> Result<()> {
    let shared = shared().await?;
    let delivery = Delivery::new(shared, "mine", "one").await?;
    let secrets = Client::new(&shared.aws.sdk_config().await);
    let foreign = create_secret(&secrets, "theirs", &value("hidden")).await?;
    let object = external_secret(delivery.namespace, &foreign, "stolen");
    shared.kubernetes.apply_manifests(&object.to_string()).await?;
    until("the operator reports the failure", async || {
        let ready = condition(&delivery).await?;
        Ok(ready["status"] == "False" && ready["reason"] == "SecretSyncedError")
    })
    .await?;
    assert_eq!(delivery.password().await?.as_deref(), Some("one"), "what was there stays");
    Ok(())
}

#[tokio::test]
async fn a_stopped_operator_syncs_nothing_until_it_is_started() -> Result<()> {
    let own = start("kubernetes-operator").await?;
    let delivery = Delivery::new(&own, "stopped", "one").await?;
    own.kubernetes.stop_operator().await;
    delivery.put("two").await?;
    delivery.ask("second").await?;
    // Several times the duration of a sync. A test that nothing happens can only wait.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(delivery.password().await?.as_deref(), Some("one"));
    own.kubernetes.start_operator().await?;
    delivery.wait_for("two").await
}

async fn sync_state(delivery: &Delivery<'_>) -> Result<Option<String>> {
    let object = object(delivery).await?;
    Ok(object.pointer("/status/syncedResourceVersion").and_then(Value::as_str).map(str::to_owned))
}

async fn condition(delivery: &Delivery<'_>) -> Result<Value> {
    let object = object(delivery).await?;
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    Ok(ready.cloned().unwrap_or_default())
}

async fn object(delivery: &Delivery<'_>) -> Result<Value> {
    let found = delivery.shared.kubernetes.external_secret(delivery.namespace, "broker").await?;
    found.context("the ExternalSecret is gone")
}

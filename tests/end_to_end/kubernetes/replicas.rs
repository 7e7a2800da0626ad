//! A secret whose primary is in another region. It is delivered in this region, and everything else happens in the
//! region of the primary.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Builder, Region};
use aws_sdk_secretsmanager::types::ReplicaRegionType;
use end_to_end::{name, on_the_cluster};
use serde_json::json;
use testbed::cloud::{Cloud, route_to, tag};

use super::routed::{NAMESPACE, RECEIPT, Routed, shared_namespace};

const PRIMARY: &str = "eu-west-1";

/// Secrets Manager in the region of the primary secrets.
async fn elsewhere(cloud: &Cloud) -> Client {
    let config = cloud.aws.sdk_config().await;
    Client::from_conf(Builder::from(&config).region(Region::new(PRIMARY)).build())
}

/// Creates a replica in this region of a secret with those tags. Returns its ARN.
async fn replica(cloud: &Cloud, name: &str, tags: &[(&str, &str)]) -> Result<String> {
    let secrets = elsewhere(cloud).await;
    let value = json!({"username": "cookie", "password": "first"}).to_string();
    let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
    secrets.create_secret().name(name).secret_string(value).set_tags(Some(tags)).send().await?;
    let region = ReplicaRegionType::builder().region(cloud.aws.region()).build();
    let made =
        secrets.replicate_secret_to_regions().secret_id(name).add_replica_regions(region).send().await?;
    let arn = made.arn.context("no ARN")?;
    Ok(arn.replace(PRIMARY, cloud.aws.region()))
}

#[test]
fn a_replica_is_delivered_and_its_receipt_is_left_to_the_region_of_its_primary() -> Result<()> {
    on_the_cluster(async |cloud| {
        shared_namespace(cloud).await?;
        let own = name("replica");
        let key = format!("rabbitmq/{own}");
        let arn = replica(cloud, &key, &route_to(NAMESPACE, &own)).await?;
        let secret = Routed { cloud, arn, name: own };
        let answer = secret.deliver().await?;
        ensure!(answer["outcome"] == "delivered", "{answer}");
        secret.arrived("first").await?;
        let value = json!({"username": "cookie", "password": "second"}).to_string();
        elsewhere(cloud).await.put_secret_value().secret_id(&key).secret_string(value).send().await?;
        let answer = secret.deliver().await?;
        ensure!(answer["versionId"] == secret.current().await?.as_str(), "{answer}");
        secret.arrived("second").await?;
        ensure!(cloud.tag_of(&secret.arn, RECEIPT).await?.is_none());
        // A primary with replicas names its own region, so it is not a replica.
        let here = ReplicaRegionType::builder().region(PRIMARY).build();
        let primary = Routed::create(cloud, &name("primary"), &[]).await?;
        let replicate = cloud.secrets.replicate_secret_to_regions().secret_id(&primary.arn);
        replicate.add_replica_regions(here).send().await?;
        primary.deliver().await?;
        primary.receipt(&primary.current().await?).await
    })
}

#[test]
fn the_watch_looks_at_primaries_only() -> Result<()> {
    on_the_cluster(async |cloud| {
        let owner = name("owner-of-replicas");
        let tags = [("rotation-watch/max-age-days", "5"), ("rotation-watch/owner", owner.as_str())];
        let (copy, own) = (format!("partner/{owner}-copy"), format!("partner/{owner}-own"));
        replica(cloud, &copy, &tags).await?;
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        cloud.secrets.create_secret().name(&own).secret_string("x").set_tags(Some(tags)).send().await?;
        crate::watch::watch(cloud).await?;
        let digests = cloud.alerts.wait_for(&format!("digest of {owner}"), 1).await?;
        let text = digests.first().context("no digest")?["content"]["description"].to_string();
        ensure!(text.contains(&own) && !text.contains(&copy), "{text}");
        Ok(())
    })
}

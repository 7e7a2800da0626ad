//! Many secrets at once, as after an incident.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use testbed::cloud::Cloud;

use super::routed::{NAMESPACE, RECEIPT, Routed};

const SECRETS: usize = 200;
const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn two_hundred_secrets_that_change_at_once_are_all_delivered() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let mut secrets = Vec::new();
        for _ in 0..SECRETS {
            secrets.push(Routed::create(cloud, &name("many"), &[]).await?);
        }
        let mut versions = Vec::new();
        for secret in &secrets {
            versions.push(secret.put("changed").await?);
        }
        for (secret, version) in secrets.iter().zip(&versions) {
            delivered(cloud, secret, version).await?;
            let data = cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
            ensure!(data["password"] == "changed", "{} has a receipt and an old value", secret.name);
        }
        Ok(())
    })
}

async fn delivered(cloud: &Cloud, secret: &Routed<'_>, version: &str) -> Result<()> {
    cloud.wait_for_tag(&secret.arn, RECEIPT, version, LIMIT).await
}

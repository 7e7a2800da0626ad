//! A secret for the cluster, and the helpers that tests use with it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::cloud::{Answer, Cloud, route_to, tag};
use testbed::kubernetes::SecretData;
use tokio::sync::OnceCell;

/// Far more than the time of a delivery on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);
/// The namespace for secrets if a test needs no special one. One namespace needs one role and one store.
pub const NAMESPACE: &str = "shared";
pub const RECEIPT: &str = "secret2eks/delivered";

/// A routed secret. It need not contain broker credentials, because secret2eks does not read the value.
pub struct Routed<'a> {
    pub cloud: &'a Cloud,
    pub arn: String,
    pub name: String,
}

/// The shared namespace. The first test that needs it creates it.
pub async fn shared_namespace(cloud: &Cloud) -> Result<()> {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let make = || async { cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, NAMESPACE, &[]).await };
    MADE.get_or_try_init(make).await.map(drop)
}

impl<'a> Routed<'a> {
    /// Creates a secret in the shared namespace, with additional or different tags. A rotation may change it, so a delivery
    /// writes a receipt.
    pub async fn create(cloud: &'a Cloud, name: &str, changes: &[(&str, &str)]) -> Result<Self> {
        shared_namespace(cloud).await?;
        let mut tags = route_to(NAMESPACE, name).to_vec();
        tags.push(("rotation-mq", "rotate"));
        tags.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        tags.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        Self::create_tagged(cloud, name, &tags).await
    }

    /// Like [`Routed::create`], and delivers the first value to the cluster.
    pub async fn delivered(cloud: &'a Cloud, name: &str, changes: &[(&str, &str)]) -> Result<Self> {
        let secret = Self::create(cloud, name, changes).await?;
        secret.deliver().await?;
        secret.arrived("first").await?;
        Ok(secret)
    }

    /// Creates a secret with exactly these tags.
    pub async fn create_tagged(cloud: &'a Cloud, name: &str, tags: &[(&str, &str)]) -> Result<Self> {
        let create = cloud.secrets.create_secret().name(format!("rabbitmq/{name}"));
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let created = create.secret_string(value("first").to_string()).set_tags(Some(tags)).send().await?;
        Ok(Self { cloud, arn: created.arn.context("no ARN")?, name: name.to_owned() })
    }

    /// Stores a value by hand. Returns its version.
    pub async fn put(&self, password: &str) -> Result<String> {
        let put = self.cloud.secrets.put_secret_value().secret_id(&self.arn);
        let put = put.secret_string(value(password).to_string()).send().await?;
        put.version_id.context("no version")
    }

    /// Delivers, and requires success. Returns the answer.
    pub async fn deliver(&self) -> Result<Value> {
        self.cloud.deliver(&self.arn).await?.value()
    }

    /// Delivers, and requires a failure of that kind with those words in its message.
    pub async fn refused(&self, kind: &str, words: &str) -> Result<()> {
        let answer = self.cloud.deliver(&self.arn).await?;
        refused(&answer, kind, words)
    }

    /// Waits until the Kubernetes Secret has that password. Returns its data.
    pub async fn arrived(&self, password: &str) -> Result<SecretData> {
        let wanted = |data: &SecretData| data.get("password").is_some_and(|found| found == password);
        self.cloud.kubernetes()?.wait_for_secret(NAMESPACE, &self.name, wanted, LIMIT).await
    }

    /// Waits for the receipt of a version.
    pub async fn receipt(&self, version: &str) -> Result<()> {
        self.cloud.wait_for_tag(&self.arn, RECEIPT, version, LIMIT).await
    }

    /// The current `ExternalSecret`.
    pub async fn external_secret(&self) -> Result<Value> {
        let found = self.cloud.kubernetes()?.external_secret(NAMESPACE, &self.name).await?;
        found.with_context(|| format!("there is no ExternalSecret {}", self.name))
    }

    /// The current version.
    pub async fn current(&self) -> Result<String> {
        self.cloud.version(&self.arn, "AWSCURRENT").await?.context("nothing is AWSCURRENT")
    }
}

/// Checks that the function failed with that kind and those words.
pub fn refused(answer: &Answer, kind: &str, words: &str) -> Result<()> {
    let Answer::Failed { kind: found, message } = answer else {
        anyhow::bail!("it should have failed with {kind}, but: {answer:?}");
    };
    ensure!(found == kind, "it should have failed with {kind}, but: {answer:?}");
    ensure!(message.contains(words), "the message should contain `{words}`: {message}");
    Ok(())
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !holds().await? {
        ensure!(began.elapsed() < LIMIT, "after {LIMIT:?} still not: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The value of a secret, with a key that must never reach a cluster.
fn value(password: &str) -> Value {
    json!({"username": "cookie", "password": password, "host": "mq.example.com", "masterarn": "arn:aws:hidden"})
}

//! The life of a customer's secret, which nothing rotates: each change reaches the cluster by its event. Only a deletion and
//! a removed tag wait for the reconcile.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name};
use serde_json::{Value, json};
use testbed::aws::RotationOptions;
use testbed::cloud::{Answer, Cloud, Variant, route_to, tag};
use testbed::kubernetes::{CLUSTER, SecretData, StoreScope};

use super::routed::{LIMIT, RECEIPT, until};

/// What a reconcile of [`Suite`] may take back at once.
pub const TAKE_BACK_LIMIT: usize = 3;

/// A second stack for the cluster. No other test touches its secrets, so it may reconcile.
pub struct Suite {
    pub cloud: &'static Cloud,
    pub variant: Variant,
    /// The namespace of its secrets if a test needs no special one.
    pub namespace: String,
    has_trail: bool,
}

/// A secret of a customer, and where it goes.
pub struct Customer<'a> {
    pub suite: &'a Suite,
    pub arn: String,
    pub name: String,
}

impl Suite {
    pub async fn deploy(cloud: &'static Cloud, prefix: &str) -> Result<Self> {
        let own = name(prefix);
        let (names, limit) = (format!("{own}/"), TAKE_BACK_LIMIT.to_string());
        let parameters = [
            ("EksClusterName", CLUSTER),
            ("SecretNamePrefix", names.as_str()),
            ("ReconcileSchedule", "rate(365 days)"),
            ("TakeBackLimit", &limit),
            ("SyncTimeoutSeconds", "8"),
            ("CallTimeoutSeconds", "4"),
        ];
        let variant = cloud.deploy_variant(&own, &parameters, &[]).await?;
        let suite = Self { cloud, variant, namespace: own.clone(), has_trail: false };
        suite.add_namespace(&own, &[]).await?;
        Ok(suite)
    }

    /// Also with CloudTrail's events for calls.
    pub async fn deploy_with_trail(cloud: &'static Cloud, prefix: &str) -> Result<Self> {
        Ok(Self { has_trail: true, ..Self::deploy(cloud, prefix).await? })
    }

    /// A namespace whose store reads this suite's secrets.
    pub async fn add_namespace(&self, namespace: &str, labels: &[(&str, &str)]) -> Result<()> {
        let names = format!("{}/", self.variant.name);
        let scope = StoreScope { prefix: &names, ..StoreScope::default() };
        let kubernetes = self.cloud.kubernetes()?;
        kubernetes.create_scoped_namespace(&self.cloud.aws, namespace, labels, scope).await
    }

    pub fn function(&self) -> Result<&str> {
        self.variant.delivery.as_deref().context("the stack has no secret2eks")
    }

    /// Invokes secret2eks.
    pub async fn order(&self, event: &Value) -> Result<Answer> {
        self.cloud.invoke_function(self.function()?, event).await
    }

    /// Waits until the events of earlier calls have been followed. A delivery that still runs may create its object after a
    /// reconcile has looked. Then only the next reconcile takes it back.
    pub async fn settled(&self) -> Result<()> {
        self.cloud.aws.wait_for_events(self.function()?, LIMIT).await
    }

    /// Compares the whole cluster with all secrets of this suite, and requires success.
    pub async fn reconcile(&self) -> Result<Value> {
        self.order(&json!({"Action": "reconcile"})).await?.value()
    }

    /// Creates a secret that goes to the suite's namespace, with additional or different tags.
    pub async fn create(&self, prefix: &str, changes: &[(&str, &str)]) -> Result<Customer<'_>> {
        self.create_named(&name(prefix), changes).await
    }

    pub async fn create_named(&self, own: &str, changes: &[(&str, &str)]) -> Result<Customer<'_>> {
        let full = format!("{}/{own}", self.variant.name);
        let options = RotationOptions { api_events: Some(self.has_trail), ..RotationOptions::default() };
        self.cloud.aws.set_rotation_options(Some(&full), &options).await?;
        let mut tags = route_to(&self.namespace, own).to_vec();
        tags.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        tags.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let create = self.cloud.secrets.create_secret().name(full).secret_string(value("first"));
        let created = create.set_tags(Some(tags)).send().await?;
        Ok(Customer { suite: self, arn: created.arn.context("no ARN")?, name: own.to_owned() })
    }

    /// Like [`Suite::create`], and delivers the first value.
    pub async fn delivered(&self, prefix: &str) -> Result<Customer<'_>> {
        let secret = self.create(prefix, &[]).await?;
        secret.deliver().await?;
        Ok(secret)
    }
}

impl Customer<'_> {
    pub async fn deliver(&self) -> Result<Value> {
        self.attempt().await?.value()
    }

    /// Requests a delivery, which may fail.
    pub async fn attempt(&self) -> Result<Answer> {
        let version = self.suite.cloud.version(&self.arn, "AWSCURRENT").await?;
        self.suite.order(&json!({"secretArn": self.arn, "versionId": version, "attempt": 1})).await
    }

    pub async fn put(&self, password: &str) -> Result<()> {
        let put = self.suite.cloud.secrets.put_secret_value().secret_id(&self.arn);
        put.secret_string(value(password)).send().await?;
        Ok(())
    }

    pub async fn set(&self, tags: &[(&str, &str)]) -> Result<()> {
        self.suite.cloud.set_tags(&self.arn, tags).await
    }

    pub async fn remove_tag(&self, key: &str) -> Result<()> {
        self.suite.cloud.secrets.untag_resource().secret_id(&self.arn).tag_keys(key).send().await?;
        Ok(())
    }

    pub async fn delete(&self) -> Result<()> {
        let delete = self.suite.cloud.secrets.delete_secret().secret_id(&self.arn);
        delete.recovery_window_in_days(7).send().await?;
        Ok(())
    }

    pub async fn restore(&self) -> Result<()> {
        self.suite.cloud.secrets.restore_secret().secret_id(&self.arn).send().await?;
        Ok(())
    }

    /// Waits until the Kubernetes Secret in the suite's namespace has that password.
    pub async fn arrived(&self, password: &str) -> Result<()> {
        self.arrived_in(&self.suite.namespace, password).await
    }

    pub async fn arrived_in(&self, namespace: &str, password: &str) -> Result<()> {
        let wanted = |data: &SecretData| data.get("password").is_some_and(|found| found == password);
        let kubernetes = self.suite.cloud.kubernetes()?;
        kubernetes.wait_for_secret(namespace, &self.name, wanted, LIMIT).await.map(drop)
    }

    /// Waits until neither the ExternalSecret nor the Kubernetes Secret is in the suite's namespace.
    pub async fn left(&self) -> Result<()> {
        self.left_from(&self.suite.namespace).await
    }

    pub async fn left_from(&self, namespace: &str) -> Result<()> {
        let kubernetes = self.suite.cloud.kubernetes()?;
        until(&format!("{} has left {namespace}", self.name), async || {
            Ok(kubernetes.external_secret(namespace, &self.name).await?.is_none()
                && kubernetes.secret(namespace, &self.name).await?.is_none())
        })
        .await
    }

    pub async fn external_secret(&self) -> Result<Option<Value>> {
        self.suite.cloud.kubernetes()?.external_secret(&self.suite.namespace, &self.name).await
    }
}

fn value(password: &str) -> String {
    json!({"username": "customer", "password": password, "host": "mq.example.com"}).to_string()
}

#[test]
fn a_secret_is_delivered_changed_and_moved_by_its_events_and_offboarded_by_the_reconcile() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy_with_trail(cloud, "story").await?;
        let elsewhere = name("elsewhere");
        suite.add_namespace(&elsewhere, &[]).await?;
        let secret = suite.create("customer", &[]).await?;
        secret.arrived("first").await?;
        secret.put("second").await?;
        secret.arrived("second").await?;

        suite.settled().await?;
        secret.set(&[("secret2eks/namespace", &elsewhere)]).await?;
        secret.arrived_in(&elsewhere, "second").await?;
        secret.left().await?;

        suite.settled().await?;
        secret.delete().await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["takenBack"] == 1, "deleted: {answer}");
        secret.left_from(&elsewhere).await?;
        secret.restore().await?;
        secret.arrived_in(&elsewhere, "second").await?;

        suite.settled().await?;
        secret.remove_tag("secret2eks/namespace").await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["takenBack"] == 1, "untagged: {answer}");
        secret.left_from(&elsewhere).await?;
        ensure!(cloud.tag_of(&secret.arn, RECEIPT).await?.is_none(), "no rotation needs a receipt");
        Ok(())
    })
}

#[test]
fn a_receipt_is_written_only_if_a_rotation_needs_it() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "receipts").await?;
        let plain = suite.delivered("plain").await?;
        let rotated = suite.create("rotated", &[("rotation-mq", "rotate")]).await?;
        let answer = rotated.deliver().await?;
        ensure!(cloud.tag_of(&plain.arn, RECEIPT).await?.is_none(), "nothing rotates it");
        ensure!(cloud.tag_of(&rotated.arn, RECEIPT).await?.as_deref() == answer["versionId"].as_str());
        // The reconcile misses a receipt only where it is needed.
        cloud.secrets.untag_resource().secret_id(&rotated.arn).tag_keys(RECEIPT).send().await?;
        let answer = suite.reconcile().await?;
        ensure!(answer["requested"] == 1, "{answer}");
        cloud.wait_for_tag(&rotated.arn, RECEIPT, &current(&rotated).await?, LIMIT).await
    })
}

async fn current(secret: &Customer<'_>) -> Result<String> {
    let version = secret.suite.cloud.version(&secret.arn, "AWSCURRENT").await?;
    version.context("nothing is AWSCURRENT")
}

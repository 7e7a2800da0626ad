//! Secrets that are delivered to the cluster.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kubernetes::Kubernetes;
use serde_json::{Value, json};

use super::{Answer, Cloud, tag, workspace};

/// Shorter than in production, because a test that stops the operator waits for the timeout.
pub(super) const SYNC_TIMEOUT_SECONDS: &str = "8";

/// The value that the documentation recommends. With the template's default, a reconcile takes nothing back.
pub(super) const TAKE_BACK_LIMIT: &str = "100";

/// The permissions of secret2eks in the cluster, as users grant them.
pub(super) async fn let_secret2eks_in(kubernetes: &Kubernetes) -> Result<()> {
    let path = workspace().join("infra/kubernetes/access.yaml");
    let manifest = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    kubernetes.apply_manifests(&manifest).await
}

/// The tags that deliver a secret to a namespace with the store `aws`.
#[must_use]
pub fn route_to<'a>(namespace: &'a str, name: &'a str) -> [(&'a str, &'a str); 3] {
    [("secret2eks/namespace", namespace), ("secret2eks/name", name), ("secret2eks/store", "SecretStore/aws")]
}

impl Cloud {
    /// The cluster.
    ///
    /// # Errors
    /// When this cloud was started without one.
    pub fn kubernetes(&self) -> Result<&Kubernetes> {
        self.kubernetes.as_ref().context("this cloud has no Kubernetes")
    }

    /// Delivers the current version, and waits for secret2eks' answer.
    ///
    /// # Errors
    /// When Lambda does not run it.
    pub async fn deliver(&self, arn: &str) -> Result<Answer> {
        let request = self.delivery_request(arn).await?;
        self.invoke_function(self.delivery_function()?, &request).await
    }

    async fn delivery_request(&self, arn: &str) -> Result<Value> {
        let version = self.version(arn, "AWSCURRENT").await?.context("nothing is AWSCURRENT")?;
        Ok(json!({"secretArn": arn, "versionId": version, "attempt": 1}))
    }

    /// Requests the delivery of the current version from secret2eks, as rotation-mq does after a rotation.
    ///
    /// # Errors
    /// When Lambda refuses the request.
    pub async fn request_delivery(&self, arn: &str) -> Result<()> {
        let request = self.delivery_request(arn).await?;
        self.send_event(self.delivery_function()?, &request).await
    }

    /// The function name of secret2eks.
    ///
    /// # Errors
    /// When this cloud was started without a cluster.
    pub fn delivery_function(&self) -> Result<&str> {
        self.stack.output("Secret2EksFunctionName")
    }

    /// The current value of a tag.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn tag_of(&self, arn: &str, key: &str) -> Result<Option<String>> {
        let described = self.secrets.describe_secret().secret_id(arn).send().await?;
        let tags = described.tags.unwrap_or_default();
        Ok(tags.into_iter().find(|tag| tag.key.as_deref() == Some(key)).and_then(|tag| tag.value))
    }

    /// Waits until a tag has that value.
    ///
    /// # Errors
    /// When it does not have that value within `limit`.
    pub async fn wait_for_tag(&self, arn: &str, key: &str, value: &str, limit: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            let found = self.tag_of(arn, key).await?;
            if found.as_deref() == Some(value) {
                return Ok(());
            }
            if began.elapsed() > limit {
                bail!("the tag {key} is {found:?} after {limit:?}, not {value}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sets tags of a secret.
    ///
    /// # Errors
    /// When Secrets Manager refuses.
    pub async fn set_tags(&self, arn: &str, tags: &[(&str, &str)]) -> Result<()> {
        let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
        let tagged = self.secrets.tag_resource().secret_id(arn).set_tags(Some(tags)).send().await;
        tagged.with_context(|| format!("the tags of {arn} were not set")).map(drop)
    }
}

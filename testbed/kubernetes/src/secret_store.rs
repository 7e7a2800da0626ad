//! The operator's access to the emulated Secrets Manager: a role for service accounts (IRSA), as on EKS.
//!
//! The operator requests a token of the store's service account from the API server. STS exchanges it for credentials
//! of the role in the account's annotation (`AssumeRoleWithWebIdentity`). The emulator verifies the token's signature
//! with the cluster's keys, its audience and its time. Then it evaluates the role's trust policy.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aws::Aws;
use sandbox::workspace;
use serde_json::Value;

use super::Kubernetes;

pub(super) const ROLE_TEMPLATE: &str = "infra/kubernetes/store-role.yaml";
const NAMESPACE_MANIFEST: &str = "infra/kubernetes/namespace.yaml";
/// The name of the store in that manifest.
pub(super) const STORE: &str = "aws";
const READY: Duration = Duration::from_secs(30);

/// The secrets that a store may read, in addition to the condition on the tag `secret2eks/namespace`.
#[derive(Debug, Clone, Copy)]
pub struct StoreScope<'a> {
    /// The prefix of their names.
    pub prefix: &'a str,
    /// The cluster in their tag; empty for any.
    pub cluster: &'a str,
    /// The tenant in their tag; empty for any.
    pub tenant: &'a str,
}

impl Default for StoreScope<'_> {
    fn default() -> Self {
        Self { prefix: "rabbitmq/", cluster: "", tenant: "" }
    }
}

impl Kubernetes {
    /// Creates a namespace for deliveries, as `infra/kubernetes/namespace.yaml` and `store-role.yaml` do. secret2eks
    /// may write there. The SecretStore `aws` reads the secrets whose tag `secret2eks/namespace` names the namespace.
    ///
    /// # Errors
    /// As [`Kubernetes::create_secret_store`].
    pub async fn create_delivery_namespace(
        &self,
        aws: &Aws,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Result<()> {
        self.create_scoped_namespace(aws, name, labels, StoreScope::default()).await
    }

    /// As [`Kubernetes::create_delivery_namespace`], with a store that reads these secrets.
    ///
    /// # Errors
    /// As [`Kubernetes::create_secret_store`].
    pub async fn create_scoped_namespace(
        &self,
        aws: &Aws,
        name: &str,
        labels: &[(&str, &str)],
        scope: StoreScope<'_>,
    ) -> Result<()> {
        self.create_namespace(name, labels).await?;
        self.create_scoped_store(aws, name, STORE, scope).await?;
        Ok(())
    }

    /// Creates the SecretStore `store` of a namespace with its role and service account, and waits until it is ready.
    /// Returns the role's ARN.
    ///
    /// # Errors
    /// When the role cannot be deployed, the API server refuses, or the operator does not report the store as ready.
    /// The message contains its report.
    pub async fn create_secret_store(&self, aws: &Aws, namespace: &str, store: &str) -> Result<String> {
        self.create_scoped_store(aws, namespace, store, StoreScope::default()).await
    }

    async fn create_scoped_store(
        &self,
        aws: &Aws,
        namespace: &str,
        store: &str,
        scope: StoreScope<'_>,
    ) -> Result<String> {
        let issuer = self.issuer().trim_start_matches("https://");
        let parameters = [
            ("Issuer", issuer),
            ("Namespace", namespace),
            ("ServiceAccount", store),
            ("SecretNamePrefix", scope.prefix),
            ("Cluster", scope.cluster),
            ("Tenant", scope.tenant),
        ];
        let stack = format!("store-{namespace}-{store}");
        let stack = aws.deploy(&stack, &workspace().join(ROLE_TEMPLATE), &parameters, &[]).await?;
        let role = stack.output("RoleArn")?.to_owned();
        self.apply_store(aws, namespace, store, &role).await?;
        Ok(role)
    }

    /// Creates the SecretStore `store` of a namespace with its service account, and waits until it is ready.
    pub(super) async fn apply_store(
        &self,
        aws: &Aws,
        namespace: &str,
        store: &str,
        role: &str,
    ) -> Result<()> {
        let path = workspace().join(NAMESPACE_MANIFEST);
        let manifest = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let manifest = manifest
            .replace("${NAMESPACE}", namespace)
            .replace("${REGION}", aws.region())
            .replace("${STORE_ROLE_ARN}", role)
            .replace("name: aws\n", &format!("name: {store}\n"));
        self.apply_manifests(&manifest).await?;
        self.wait_for_store(namespace, store).await
    }

    async fn wait_for_store(&self, namespace: &str, name: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let store = self.operator_object("SecretStore", "secretstores", namespace, name).await?;
            let store = store.context("the store does not exist any more")?;
            let ready = ready_condition(&store);
            if ready.is_some_and(|condition| condition["status"] == "True") {
                return Ok(());
            }
            if started.elapsed() > READY {
                bail!("SecretStore {namespace}/{name} is not ready after {READY:?}: {ready:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn ready_condition(object: &Value) -> Option<&Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == "Ready")
}

//! How the operator gets at the emulated Secrets Manager: as a role for service accounts (IRSA), which is how EKS'
//! users have it.
//!
//! The operator asks the API server for a token of the store's service account and changes it at STS
//! (`AssumeRoleWithWebIdentity`) for credentials of the role that the account is annotated with. The emulator checks
//! the token's signature, audience and time against the cluster's own keys, then the role's trust policy.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::Kubernetes;
use crate::aws::Aws;

const TEMPLATE: &str = "kubernetes/secret-store-role.yaml";
const READY: Duration = Duration::from_secs(30);

impl Kubernetes {
    /// A `SecretStore` of the emulated Secrets Manager, ready for use; its service account has its name. Its role may
    /// read secrets whose tag `secret2eks/namespace` is this namespace, and no other. The role's ARN.
    ///
    /// # Errors
    /// When the role cannot be deployed, or the operator does not report the store to be ready; the message holds what
    /// it reports.
    pub async fn create_secret_store(&self, aws: &Aws, namespace: &str, name: &str) -> Result<String> {
        let issuer = self.issuer().trim_start_matches("https://");
        let parameters = [("Issuer", issuer), ("Namespace", namespace), ("ServiceAccount", name)];
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join(TEMPLATE);
        let stack = aws.deploy(&format!("store-{namespace}-{name}"), &template, &parameters, &[]).await?;
        let role = stack.output("RoleArn")?.to_owned();
        let metadata = json!({"namespace": namespace, "name": name});
        let mut account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
        account["metadata"]["annotations"] = json!({"eks.amazonaws.com/role-arn": role});
        self.apply(None, &account).await?;
        let auth = json!({"jwt": {"serviceAccountRef": {"name": name}}});
        let provider = json!({"aws": {"service": "SecretsManager", "region": aws.region(), "auth": auth}});
        let store = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": metadata,
            "spec": {"provider": provider},
        });
        self.apply(None, &store).await?;
        self.wait_for_store(namespace, name).await?;
        Ok(role)
    }

    async fn wait_for_store(&self, namespace: &str, name: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let store = self.operator_object("SecretStore", "secretstores", namespace, name).await?;
            let store = store.context("the store is gone")?;
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

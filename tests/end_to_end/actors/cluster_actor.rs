//! An actor of the cluster: a service account with a Role in one namespace, and its kubectl.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, random_text};

use super::actor::Attempt;

/// The answers of the API server and of kubectl when RBAC or an admission policy denies a call.
const DENIALS: [&str; 2] = ["(Forbidden)", "denied request"];

/// A person or program in the cluster.
pub struct ClusterActor {
    kubectl: PathBuf,
    folder: PathBuf,
    namespace: String,
}

impl ClusterActor {
    /// Creates a service account in an existing namespace, with exactly these rules.
    pub async fn with(cloud: &Cloud, namespace: &str, rules: &Value) -> Result<Self> {
        let account = format!("actor-{}", random_text(8)?);
        let metadata = json!({"namespace": namespace, "name": account});
        let rbac = "rbac.authorization.k8s.io";
        for object in [
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
            json!({"apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": metadata, "rules": rules}),
            json!({
                "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": account},
                "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": account}],
            }),
        ] {
            cloud.kubernetes()?.apply_manifests(&object.to_string()).await?;
        }
        let token = cloud.kubernetes()?.service_account_token(namespace, &account, &[]).await?;
        let folder = cloud.folder().join("actors").join(&account);
        std::fs::create_dir_all(&folder)?;
        cloud.kubernetes()?.write_kubeconfig(&folder.join("kubeconfig"), &token)?;
        let kubectl = cloud.kubernetes()?.kubectl().to_owned();
        Ok(Self { kubectl, folder, namespace: namespace.to_owned() })
    }

    /// Runs kubectl in the actor's namespace. Returns its output.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<Attempt<String>> {
        self.kubectl_with(arguments, "").await
    }

    /// Applies a manifest.
    pub async fn apply(&self, object: &Value) -> Result<Attempt<String>> {
        self.kubectl_with(&["apply", "-f", "-"], &object.to_string()).await
    }

    /// Changes fields of an object.
    pub async fn patch(&self, kind: &str, name: &str, change: &Value) -> Result<Attempt<String>> {
        self.kubectl(&["patch", kind, name, "--type", "merge", "-p", &change.to_string()]).await
    }

    async fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<Attempt<String>> {
        let mut command = std::process::Command::new(&self.kubectl);
        command.env_clear().env("HOME", &self.folder).env("KUBECONFIG", self.folder.join("kubeconfig"));
        command.args(["--namespace", &self.namespace]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = input.to_owned();
        let run = move || -> Result<std::process::Output> {
            let mut child = command.spawn().context("kubectl does not start")?;
            // Taken and dropped, so that the input of kubectl ends.
            child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
            Ok(child.wait_with_output()?)
        };
        let output = tokio::task::spawn_blocking(run).await??;
        if output.status.success() {
            return Ok(Attempt::Allowed(String::from_utf8_lossy(&output.stdout).into_owned()));
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let denied = DENIALS.iter().any(|denial| words.contains(denial));
        ensure!(denied, "{arguments:?} was neither allowed nor denied: {words}");
        Ok(Attempt::Denied(words))
    }
}

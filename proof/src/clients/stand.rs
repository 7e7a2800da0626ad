//! What the clients need: users, secrets, queues, Secrets in the cluster, and volumes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, workspace};

use super::{Client, NAMES};
use crate::cookie_store::mounted_app::secret_name;
use crate::cookie_store::{MountedApp, import};

/// The permissions of Spring Cloud Kubernetes' reload in the cluster.
const RELOAD: &str = "examples/clients/spring/kubernetes/reload.yaml";

/// The clients with their volumes. `mounted_apps` has the order of `clients`.
#[derive(Debug)]
pub(super) struct Stand {
    pub clients: Vec<Client>,
    pub mounted_apps: Vec<MountedApp>,
    pub folder: PathBuf,
}

impl Stand {
    /// Creates everything in the order of `docs/src/add-a-secret.md`.
    pub async fn set_up(cloud: &Cloud, clients: &[Client]) -> Result<Self> {
        let folder = cloud.folder().join(NAMES);
        std::fs::create_dir_all(&folder)?;
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, NAMES, &[]).await?;
        let creations = clients.iter().map(|client| create(cloud, *client));
        let apps = futures_util::future::try_join_all(creations).await?;
        // After the users, because it contains their permissions.
        import(cloud, &topology(clients)).await?;
        let deliveries = apps.iter().map(|app| MountedApp::deliver(cloud, app));
        futures_util::future::try_join_all(deliveries).await?;
        let mut mounted_apps = Vec::new();
        for (client, app) in clients.iter().zip(apps) {
            mounted_apps.push(MountedApp::mount(cloud, NAMES, client.name(), app, &folder).await?);
        }
        let stand = Self { clients: clients.to_vec(), mounted_apps, folder };
        if clients.contains(&Client::SpringReload) {
            stand.grant_the_reload_its_permissions(cloud).await?;
        }
        Ok(stand)
    }

    /// Declares the queues again, after their deletion.
    pub async fn declare_queues(&self, cloud: &Cloud) -> Result<()> {
        import(cloud, &topology(&self.clients)).await
    }

    /// The file for `KUBECONFIG` of a process outside of the cluster. In a pod, the token of its service account is mounted.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    async fn grant_the_reload_its_permissions(&self, cloud: &Cloud) -> Result<()> {
        let kubernetes = cloud.kubernetes()?;
        let manifest = std::fs::read_to_string(workspace().join(RELOAD)).context(RELOAD)?;
        kubernetes.apply_manifests(&manifest).await?;
        let account = Client::SpringReload.name();
        let token = kubernetes.service_account_token(NAMES, account, &[]).await?;
        kubernetes.write_kubeconfig(&self.kubeconfig(), &token)
    }
}

/// The name of a client's Secret.
pub(super) fn secret(client: Client) -> String {
    secret_name(client.name())
}

/// The folder of a client's ledger.
pub(super) fn ledger(folder: &Path, client: Client) -> PathBuf {
    folder.join(client.name()).join("ledger")
}

async fn create(cloud: &Cloud, client: Client) -> Result<App> {
    MountedApp::create_app(cloud, NAMES, "client", client.name()).await
}

/// A queue for each client. Each user may write to the exchange and read its queue, and nothing else.
fn topology(clients: &[Client]) -> Value {
    json!({
        "vhosts": [{"name": NAMES}],
        "exchanges": [{
            "name": NAMES, "vhost": NAMES, "type": "direct",
            "durable": true, "auto_delete": false, "internal": false, "arguments": {},
        }],
        "queues": of_each(clients, |name| json!({
            "name": name, "vhost": NAMES, "durable": true, "auto_delete": false,
            "arguments": {"x-queue-type": "quorum"},
        })),
        "bindings": of_each(clients, |name| json!({
            "vhost": NAMES, "source": NAMES, "destination": name, "destination_type": "queue",
            "routing_key": name, "arguments": {},
        })),
        "permissions": of_each(clients, |name| json!({
            "user": format!("client-{name}"), "vhost": NAMES,
            "configure": "^$", "write": format!("^{NAMES}$"), "read": format!("^{name}$"),
        })),
    })
}

fn of_each(clients: &[Client], one: impl Fn(&str) -> Value) -> Vec<Value> {
    clients.iter().map(|client| one(client.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_read_its_own_queue_alone() {
        let topology = topology(&Client::ALL);
        let permissions = topology["permissions"].as_array().cloned().unwrap_or_default();
        assert_eq!(permissions.len(), Client::ALL.len());
        for (client, granted) in Client::ALL.into_iter().zip(permissions) {
            assert_eq!(granted["user"], format!("client-{}", client.name()));
            assert_eq!(granted["read"], format!("^{}$", client.name()));
            assert_eq!(granted["configure"], "^$");
        }
    }
}

//! One service's user, secret and volume.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use serde_json::json;
use testbed::cloud::{App, Cloud, random_text};
use testbed::kubernetes::ProjectedVolume;

use super::DELIVERY;

/// The login data of a service.
#[derive(Debug)]
pub struct MountedApp {
    /// The service's name.
    pub service: &'static str,
    /// Its broker user and its secret.
    pub app: App,
    /// The folder in which the Secret is mounted.
    pub(crate) folder: PathBuf,
    namespace: String,
    volume: Mutex<Option<ProjectedVolume>>,
}

impl MountedApp {
    /// Creates a broker user without permissions, and its secret with the tags that deliver it to the namespace. The vhost
    /// has the name of the namespace.
    pub(crate) async fn create_app(
        cloud: &Cloud,
        namespace: &str,
        prefix: &str,
        service: &str,
    ) -> Result<App> {
        let user = format!("{prefix}-{service}");
        let password = random_text(32)?;
        cloud.broker.management()?.create_user(&user, &password, &[]).await?;
        let value = json!({
            "engine": "rabbitmq", "brokerId": cloud.broker_id, "masterarn": cloud.admin_secret,
            "username": user, "password": password, "vhost": namespace,
        });
        let arn = cloud.create_secret(&format!("rabbitmq/{user}"), &value.to_string()).await?;
        let tags = [
            ("secret2eks/namespace", namespace),
            ("secret2eks/name", &secret_name(service)),
            ("secret2eks/store", "SecretStore/aws"),
        ];
        cloud.set_tags(&arn, &tags).await?;
        Ok(App { user, arn })
    }

    /// Delivers the secret.
    pub(crate) async fn deliver(cloud: &Cloud, app: &App) -> Result<()> {
        cloud.request_delivery(&app.arn).await?;
        let current = cloud.version(&app.arn, "AWSCURRENT").await?.unwrap_or_default();
        cloud.wait_for_tag(&app.arn, "secret2eks/delivered", &current, DELIVERY).await
    }

    /// Mounts the Secret of a service from `namespace`.
    pub(crate) async fn mount(
        cloud: &Cloud,
        namespace: &str,
        service: &'static str,
        app: App,
        folder: &Path,
    ) -> Result<Self> {
        let folder = folder.join(service).join("credentials");
        let mounted =
            Self { service, app, folder, namespace: namespace.to_owned(), volume: Mutex::default() };
        mounted.follow(cloud).await?;
        Ok(mounted)
    }

    /// The volume follows the Secret, from its current state.
    pub(crate) async fn follow(&self, cloud: &Cloud) -> Result<()> {
        let kubernetes = cloud.kubernetes()?;
        let secret = secret_name(self.service);
        let volume = ProjectedVolume::project(kubernetes, &self.namespace, &secret, &self.folder).await?;
        self.hold(Some(volume));
        Ok(())
    }

    /// The volume keeps its files, as it does for a minute or two with a real kubelet.
    pub(crate) fn stand_still(&self) {
        self.hold(None);
    }

    fn hold(&self, volume: Option<ProjectedVolume>) {
        *self.volume.lock().unwrap_or_else(PoisonError::into_inner) = volume;
    }
}

/// The mount in the manifests.
pub(crate) fn secret_name(service: &str) -> String {
    format!("{service}-broker")
}

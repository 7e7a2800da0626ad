//! The cookie store of `examples/` on a cloud: three services as child processes that trade while their secrets rotate.
//!
//! They read volumes in kubelet's format, from Secrets that External Secrets Operator wrote. Their ledgers show whether
//! an order was lost or processed twice. [`zero_loss`] is the whole proof.

mod deployment;
pub(crate) mod mounted_app;
pub(crate) mod rotation;
pub(crate) mod tally;
mod trading;
pub mod zero_loss;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use testbed::cloud::{Cloud, workspace};

pub use self::deployment::Deployment;
pub use self::mounted_app::MountedApp;
pub use self::rotation::{Rotated, StaleConnections};
pub use self::tally::{Counts, Tally};
pub use self::trading::{Pattern, Traded, Trading};

/// The namespace of the manifests, and the vhost of the topology.
pub const NAMESPACE: &str = "cookie-store";
/// The services, in the order in which they start.
const SERVICES: [&str; 3] = ["messenger", "order", "payment"];
const EXAMPLE: &str = "examples/cookie-store";
const DELIVERY: Duration = Duration::from_secs(30);

/// The store with its users, secrets and volumes, open or closed.
#[derive(Debug)]
pub struct Store {
    program: PathBuf,
    folder: PathBuf,
    vhost: String,
    mounted_apps: Vec<MountedApp>,
}

impl Store {
    /// Sets up the store as `docs/src/applications.md` says: users, their secrets, the topology with their
    /// permissions, the manifests, and the first delivery. `program` is the built example. A cloud can have one store.
    ///
    /// # Errors
    /// When a part refuses, or a secret does not arrive.
    pub async fn set_up(cloud: &Cloud, program: &Path) -> Result<Self> {
        ensure_built(program)?;
        let folder = cloud.folder().join("cookie-store");
        std::fs::create_dir_all(&folder)?;
        let kubernetes = cloud.kubernetes()?;
        kubernetes.create_delivery_namespace(&cloud.aws, NAMESPACE, &[]).await?;
        let mut apps = Vec::new();
        for service in SERVICES {
            apps.push((service, MountedApp::create_app(cloud, NAMESPACE, "store", service).await?));
        }
        // After the users, because it contains their permissions.
        import(cloud, &topology()?).await?;
        for service in SERVICES {
            let manifest = read(&format!("kubernetes/{service}.yaml"))?;
            kubernetes.apply_manifests(&manifest).await.with_context(|| service.to_owned())?;
        }
        let mut mounted_apps = Vec::new();
        for (service, app) in apps {
            MountedApp::deliver(cloud, &app).await?;
            mounted_apps.push(MountedApp::mount(cloud, NAMESPACE, service, app, &folder).await?);
        }
        Ok(Self { program: program.to_owned(), folder, vhost: NAMESPACE.to_owned(), mounted_apps })
    }

    /// The store of a deployment. Mounts the Secrets that have arrived in its namespace.
    ///
    /// # Errors
    /// When a Secret is not there within 30 s.
    pub async fn deployed(cloud: &Cloud, program: &Path, deployment: &Deployment) -> Result<Self> {
        ensure_built(program)?;
        let vhost = deployment.name.clone();
        let folder = cloud.folder().join(&vhost);
        let mut mounted_apps = Vec::new();
        for &(service, ref app) in &deployment.apps {
            mounted_apps.push(MountedApp::mount(cloud, &vhost, service, app.clone(), &folder).await?);
        }
        Ok(Self { program: program.to_owned(), folder, vhost, mounted_apps })
    }

    /// Its three services with their volumes.
    #[must_use]
    pub fn mounted_apps(&self) -> &[MountedApp] {
        &self.mounted_apps
    }
}

fn ensure_built(program: &Path) -> Result<()> {
    ensure!(
        program.is_file(),
        "{} is missing: build it with `cargo build --package cookie-store`",
        program.display()
    );
    Ok(())
}

fn topology() -> Result<Value> {
    Ok(serde_json::from_str(&read("topology.json")?)?)
}

pub(crate) async fn import(cloud: &Cloud, topology: &Value) -> Result<()> {
    let management = cloud.broker.management()?;
    let answer = management.call(Method::POST, &["definitions"], Some(topology)).await?;
    ensure!(matches!(answer.status, 200..=204), "the topology was not taken: {answer:?}");
    Ok(())
}

fn read(file: &str) -> Result<String> {
    let path = workspace().join(EXAMPLE).join(file);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

//! An application in the cluster. It logs in with the credentials of a mounted Secret. When they change, it opens a new
//! connection before it closes the old one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use broker::{Broker, amqps_login, close};
use lapin::Connection;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often it reads the link, as a substitute for inotify.
const LOOK: Duration = Duration::from_millis(10);

/// A connected client. It ends when dropped.
#[derive(Debug)]
pub struct VolumeClient {
    user: watch::Receiver<String>,
    task: JoinHandle<()>,
}

struct Credentials {
    user: String,
    password: String,
}

impl VolumeClient {
    /// Connects to `broker` with the current credentials of the volume in `folder`.
    ///
    /// # Errors
    /// When the volume contains no credentials, or the broker refuses them.
    pub async fn connect(broker: &Broker, folder: &Path) -> Result<Self> {
        let (port, ca) = (broker.amqps_port(), broker.ca_pem());
        let folder = folder.to_owned();
        let version = version(&folder)?;
        let first = read(&version)?;
        let mut connection = log_in(port, &ca, &first).await?;
        let (tell, user) = watch::channel(first.user);
        let task = tokio::spawn(async move {
            let mut seen = version;
            loop {
                tokio::time::sleep(LOOK).await;
                let Ok(now) = self::version(&folder) else { continue };
                if now == seen {
                    continue;
                }
                // The version was replaced while it was read, or the broker is unavailable. The next check tries again.
                let Ok(credentials) = read(&now) else { continue };
                let Ok(next) = log_in(port, &ca, &credentials).await else { continue };
                let old = std::mem::replace(&mut connection, next);
                let _ = tell.send(credentials.user);
                let _ = close(&old).await;
                seen = now;
            }
        });
        Ok(Self { user, task })
    }

    /// The user of its connection.
    #[must_use]
    pub fn user(&self) -> String {
        self.user.borrow().clone()
    }

    /// Waits until it is connected with newer credentials than those last seen. Returns the user.
    ///
    /// # Errors
    /// When it is not within `limit`.
    pub async fn reconnected(&mut self, limit: Duration) -> Result<String> {
        let changed = tokio::time::timeout(limit, self.user.changed()).await;
        changed.with_context(|| format!("no new connection within {limit:?}"))??;
        Ok(self.user.borrow_and_update().clone())
    }
}

impl Drop for VolumeClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The folder of the current version. Both files are read from it, so that they belong to one version.
fn version(folder: &Path) -> Result<PathBuf> {
    Ok(folder.join(std::fs::read_link(folder.join("..data"))?))
}

fn read(version: &Path) -> Result<Credentials> {
    let file = |name: &str| std::fs::read_to_string(version.join(name)).with_context(|| name.to_owned());
    Ok(Credentials { user: file("username")?, password: file("password")? })
}

async fn log_in(port: u16, ca: &Path, credentials: &Credentials) -> Result<Connection> {
    amqps_login(port, ca, &credentials.user, &credentials.password, "/").await
}

//! An application in the cluster: it logs in with the credentials of a mounted Secret, and connects anew when
//! those change, before it lets go of the old connection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use broker::{Broker, amqps_login, close};
use lapin::Connection;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often it looks at the link, as a substitute for inotify.
const LOOK: Duration = Duration::from_millis(10);

/// A connected client; it ends when dropped.
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
    /// Connects to `broker` with what the volume in `folder` holds now.
    ///
    /// # Errors
    /// When the volume holds no credentials, or the broker refuses them.
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
                // A version that is replaced while it is read, or a broker that is away: the next look tries again.
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

    /// The user that it is connected as.
    #[must_use]
    pub fn user(&self) -> String {
        self.user.borrow().clone()
    }

    /// Waits until it is connected with the next credentials after those that were seen last; as whom.
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

/// The folder of the current version: both files of one version are read from it.
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

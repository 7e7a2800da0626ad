//! Rotations of the store's secrets, as performed by Secrets Manager and SecOps.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use testbed::aws::{Rotation, Token};
use testbed::cloud::Cloud;

use super::trading::{Pattern, Trading};
use super::{DELIVERY, MountedApp};

const ROTATION: Duration = Duration::from_secs(90);
/// A closed connection may stay listed for 30 s. The function refuses the rotation for that time.
const REFUSED: Duration = Duration::from_secs(90);
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(2);
const RECONNECTED: Duration = Duration::from_secs(30);

/// The function's policy for connections of the user whose password it resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleConnections {
    /// Report them.
    Report,
    /// Close them.
    Close,
    /// Fail the rotation.
    Refuse,
}

/// The outcome of a rotation.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// The service whose secret was rotated.
    pub service: &'static str,
    /// The version that was AWSCURRENT before.
    pub previous: String,
    /// The current user.
    pub user: String,
    /// That user's connections before the rotation. A closed one may still be listed for a while.
    listed: Vec<String>,
    /// How often it was refused because a client was connected.
    pub refused: u32,
    /// From `RotateSecret` until the cluster had the new version, refusals included.
    pub time: Duration,
}

impl StaleConnections {
    /// The value of the variable.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Close => "close",
            Self::Refuse => "refuse",
        }
    }

    /// Sets it as the policy of rotation-mq.
    ///
    /// # Errors
    /// When Lambda refuses.
    pub async fn set(self, cloud: &Cloud) -> Result<()> {
        cloud.add_variables(cloud.rotation_function()?, &[("STALE_CONNECTIONS", self.name())]).await
    }
}

impl Trading<'_> {
    /// Rotates all three secrets at once, and waits until the cluster has them.
    ///
    /// # Errors
    /// When a rotation fails after all attempts.
    pub async fn rotate(&self, cloud: &Cloud, pattern: Pattern) -> Result<Vec<Rotated>> {
        rotate_all(cloud, self.mounted_apps(), pattern).await
    }

    /// Waits until every service is connected as the current user.
    ///
    /// # Errors
    /// When one is not in time.
    pub async fn all_switched(&self, cloud: &Cloud, rotated: &[Rotated]) -> Result<()> {
        all_switched(cloud, rotated).await
    }

    /// Revokes the credentials that were current before a rotation, as SecOps does after a leak.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn revoke(&self, cloud: &Cloud, rotated: &Rotated) -> Result<()> {
        revoke(cloud, self.mounted_apps(), rotated).await
    }
}

/// Rotates the secrets of all services at once, and waits until the cluster has them.
pub(crate) async fn rotate_all(
    cloud: &Cloud,
    mounted_apps: &[MountedApp],
    pattern: Pattern,
) -> Result<Vec<Rotated>> {
    let rotations = mounted_apps.iter().map(|mounted| rotate(cloud, mounted, pattern));
    futures_util::future::try_join_all(rotations).await
}

/// Waits until every service is connected as the current user.
pub(crate) async fn all_switched(cloud: &Cloud, rotated: &[Rotated]) -> Result<()> {
    futures_util::future::try_join_all(rotated.iter().map(|one| one.switched(cloud))).await.map(drop)
}

/// Revokes the credentials that were current before a rotation.
pub(crate) async fn revoke(cloud: &Cloud, mounted_apps: &[MountedApp], rotated: &Rotated) -> Result<()> {
    let mounted = mounted_apps.iter().find(|mounted| mounted.service == rotated.service);
    let arn = &mounted.context("no such service")?.app.arn;
    let event = json!({"Action": "revokePrevious", "SecretId": arn, "VersionId": rotated.previous});
    cloud.act(&event).await?.value().map(drop)
}

impl Rotated {
    /// Waits until the service is connected as the current user.
    async fn switched(&self, cloud: &Cloud) -> Result<()> {
        let management = cloud.broker.management()?;
        let began = Instant::now();
        while management.connections_of(&self.user).await?.iter().all(|name| self.listed.contains(name)) {
            if began.elapsed() > RECONNECTED {
                bail!("{} is not connected as `{}` after {RECONNECTED:?}", self.service, self.user);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

async fn rotate(cloud: &Cloud, mounted: &MountedApp, pattern: Pattern) -> Result<Rotated> {
    let arn = &mounted.app.arn;
    let previous = cloud.version(arn, "AWSCURRENT").await?.context("nothing is AWSCURRENT")?;
    let user = next_user(cloud, mounted).await?;
    let listed = cloud.broker.management()?.connections_of(&user).await?;
    let began = Instant::now();
    let version = cloud.start_rotation(arn).await?;
    let mut refused = 0;
    loop {
        let rotation = cloud.aws.wait_for_rotation(arn, Some(&version), ROTATION).await?;
        if rotation.outcome == "succeeded" {
            break;
        }
        ensure!(
            kind(&rotation) == Some("connections.in_use") && began.elapsed() < REFUSED,
            "the rotation of {} did not succeed: {rotation:#?}",
            mounted.service
        );
        refused += 1;
        tokio::time::sleep(PAUSE_AFTER_REFUSAL).await;
        if pattern == Pattern::Lazy {
            // The clients do not disconnect by themselves. SecOps closes their connections, as the playbook says.
            cloud.broker.management()?.close_connections_of(&user).await?;
        }
        cloud.aws.resume_rotation(arn, Token::Same).await?;
    }
    cloud.wait_for_tag(arn, "secret2eks/delivered", &version, DELIVERY).await?;
    Ok(Rotated { service: mounted.service, previous, user, listed, refused, time: began.elapsed() })
}

/// Why the last step that ran failed.
fn kind(rotation: &Rotation) -> Option<&str> {
    rotation.attempts.last()?.steps.last()?.error_type.as_deref()
}

/// The user for the next rotation.
async fn next_user(cloud: &Cloud, mounted: &MountedApp) -> Result<String> {
    let current = cloud.value(&mounted.app.arn, "AWSCURRENT").await?;
    let user = &mounted.app.user;
    Ok(if current["username"] == user.as_str() { format!("{user}_clone") } else { user.clone() })
}

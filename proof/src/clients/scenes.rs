//! What happens to the clients, one event after the other.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use testbed::cloud::Cloud;

use super::stand::Stand;
use crate::cookie_store::rotation::{all_switched, revoke, rotate_all};
use crate::cookie_store::{MountedApp, Pattern, Rotated, StaleConnections};

/// How long the volumes lag behind a hasty revocation. A kubelet takes a minute or two.
const LOCKED_OUT: Duration = Duration::from_secs(3);
/// The time for a client to connect again after the broker has closed its connection.
const RECONNECTED: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// The events, and how busy the clients are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The number of orders a second of each client.
    pub orders_per_second: u32,
    /// How often the events are repeated.
    pub rounds: u32,
}

impl Plan {
    /// Three rounds.
    #[must_use]
    pub fn full() -> Self {
        Self { orders_per_second: 50, rounds: 3 }
    }

    /// One round, for every run of the tests.
    #[must_use]
    pub fn short() -> Self {
        Self { orders_per_second: 50, rounds: 1 }
    }
}

/// Plays all rounds. Returns the number of finished rotations.
pub(super) async fn play(
    cloud: &mut Cloud,
    stand: &Stand,
    plan: &Plan,
    progress: &dyn Fn(&str),
) -> Result<usize> {
    let mut rotations = 0;
    for round in 1..=plan.rounds {
        let report = |what: &str| progress(&format!("round {round} of {}: {what}", plan.rounds));
        StaleConnections::Report.set(cloud).await?;
        report("a rotation, then a revocation of the previous credentials");
        let rotated = rotate_all(cloud, &stand.mounted_apps, Pattern::Watch).await?;
        all_switched(cloud, &rotated).await?;
        revoke_all(cloud, stand, &rotated).await?;
        rotations += rotated.len();

        report("a revocation before the volumes contain the new credentials");
        stand.mounted_apps.iter().for_each(MountedApp::stand_still);
        let rotated = rotate_all(cloud, &stand.mounted_apps, Pattern::Watch).await?;
        revoke_all(cloud, stand, &rotated).await?;
        tokio::time::sleep(LOCKED_OUT).await;
        for mounted in &stand.mounted_apps {
            mounted.follow(cloud).await?;
        }
        all_switched(cloud, &rotated).await?;
        rotations += rotated.len();

        report("the broker closes every connection");
        close_connections(cloud, &rotated).await?;

        report("the broker restarts");
        cloud.broker.restart().await?;

        report("a rotation that closes stale connections");
        StaleConnections::Close.set(cloud).await?;
        let rotated = rotate_all(cloud, &stand.mounted_apps, Pattern::Watch).await?;
        all_switched(cloud, &rotated).await?;
        rotations += rotated.len();
    }
    Ok(rotations)
}

async fn revoke_all(cloud: &Cloud, stand: &Stand, rotated: &[Rotated]) -> Result<()> {
    futures_util::future::try_join_all(rotated.iter().map(|one| revoke(cloud, &stand.mounted_apps, one)))
        .await
        .map(drop)
}

/// Closes the connections of the current users, and waits until each user has another one.
async fn close_connections(cloud: &Cloud, rotated: &[Rotated]) -> Result<()> {
    let management = cloud.broker.management()?;
    let mut closed = Vec::new();
    for one in rotated {
        closed.push((one, management.connections_of(&one.user).await?));
        management.close_connections_of(&one.user).await?;
    }
    let began = Instant::now();
    for (one, before) in closed {
        // A closed connection may stay listed for a while.
        while management.connections_of(&one.user).await?.iter().all(|name| before.contains(name)) {
            if began.elapsed() > RECONNECTED {
                bail!("{} is not connected again after {RECONNECTED:?}", one.service);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

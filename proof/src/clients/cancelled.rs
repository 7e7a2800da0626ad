//! The broker cancels every subscription, as it does when a queue is deleted.
//!
//! A deleted queue loses its messages. So no orders are taken here, and the clients are killed afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use testbed::cloud::Cloud;

use super::NAMES;
use super::running::Running;
use super::stand::Stand;

/// The time for all clients to subscribe. A JVM on a busy machine takes half of this to start.
const SUBSCRIBED: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// Deletes the queues, and declares them again. Returns when each client has subscribed to its queue again.
pub(super) async fn subscribe_again(cloud: &Cloud, stand: &Stand, programs: &Path) -> Result<()> {
    let idle = Running::launch(cloud, stand, programs, 0)?;
    let cancelled = subscriptions(cloud, stand, &idle, &[]).await?;
    let management = cloud.broker.management()?;
    for client in &stand.clients {
        management.delete_queue(NAMES, client.name()).await?;
    }
    stand.declare_queues(cloud).await?;
    subscriptions(cloud, stand, &idle, &cancelled).await.map(drop)
}

/// Waits until each queue has a subscription whose consumer tag is not in `cancelled`. Returns the consumer tags.
async fn subscriptions(
    cloud: &Cloud,
    stand: &Stand,
    running: &Running,
    cancelled: &[String],
) -> Result<Vec<String>> {
    let management = cloud.broker.management()?;
    let began = Instant::now();
    loop {
        running.is_alive()?;
        let mut found = management.subscriptions(NAMES).await?;
        found.retain(|(_, tag)| !cancelled.contains(tag));
        let is_missing = |name: &str| found.iter().all(|(queue, _)| queue != name);
        let missing: Vec<_> =
            stand.clients.iter().map(|client| client.name()).filter(|name| is_missing(name)).collect();
        if missing.is_empty() {
            return Ok(found.into_iter().map(|(_, tag)| tag).collect());
        }
        if began.elapsed() > SUBSCRIBED {
            bail!("not subscribed after {SUBSCRIBED:?}: {missing:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

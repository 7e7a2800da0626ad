//! The clients of `examples/clients`: one program for each client library, with a producer and a consumer.
//!
//! They run at the same time while their secrets rotate, their credentials are revoked, the broker closes their connections
//! and restarts. Their ledgers show whether an order was lost or done twice, as those of the cookie store do.

mod cancelled;
mod outcome;
mod program;
mod running;
mod scenes;
mod stand;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use testbed::cloud::Cloud;

pub use self::outcome::{Outcome, Ran};
pub use self::program::Client;
use self::running::Running;
pub use self::scenes::Plan;
use self::stand::Stand;

/// The namespace of the Secrets, the vhost, and the exchange.
const NAMES: &str = "clients";

/// Runs the clients through `plan` on a cloud with Kubernetes. Nothing else may use the cloud, because the broker restarts
/// and the policy of rotation-mq changes. `programs` is the folder of the built Rust programs.
///
/// # Errors
/// When a client is not built, does not start, does not subscribe again or does not stop. A lost order is not an error: see
/// [`Outcome::holds`].
pub async fn run(
    cloud: &mut Cloud,
    programs: &Path,
    clients: &[Client],
    plan: &Plan,
    progress: &dyn Fn(&str),
) -> Result<Outcome> {
    ensure!(plan.orders_per_second > 0, "clients without orders prove nothing");
    for client in clients {
        client.ensure_built(programs)?;
    }
    let stand = Stand::set_up(cloud, clients).await?;
    progress("the broker cancels every subscription, before the first order");
    cancelled::subscribe_again(cloud, &stand, programs).await?;
    let began = Instant::now();
    let running = Running::start(cloud, &stand, programs, plan.orders_per_second).await?;
    progress(&format!("{} clients work", clients.len()));
    let rotations = scenes::play(cloud, &stand, plan, progress).await?;
    running.is_alive()?;
    let time = began.elapsed();
    let clients = running.stop().await?;
    Ok(Outcome { clients, rotations, time })
}

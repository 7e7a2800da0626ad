//! The proof that no order is lost or processed twice while the store's secrets rotate. There is one scene for each
//! policy and pattern.

mod outcome;
mod plan;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::cloud::Cloud;

pub use self::outcome::{Played, ZeroLoss};
pub use self::plan::{Incident, Plan, Scene};
use super::{MountedApp, Pattern, Rotated, Store, Traded, Trading};

/// How long the volumes lag behind a hasty revocation. A kubelet takes a minute or two.
const LOCKED_OUT: Duration = Duration::from_secs(3);

/// Runs the store through `plan` on a cloud with Kubernetes. Nothing else may use the cloud, because the broker restarts
/// and the policy of rotation-mq changes. `program` is the built example.
///
/// # Errors
/// When a scene cannot be run. A lost order is not an error: see [`ZeroLoss::holds`].
pub async fn run(
    cloud: &mut Cloud,
    program: &Path,
    plan: &Plan,
    progress: &dyn Fn(&str),
) -> Result<ZeroLoss> {
    ensure!(plan.orders_per_second > 0, "a store without orders proves nothing");
    let store = Store::set_up(cloud, program).await?;
    let mut outcome = ZeroLoss::default();
    for scene in &plan.scenes {
        scene.policy.set(cloud).await?;
        let mut trading = store.open(cloud, scene.pattern, plan.orders_per_second).await?;
        let (rotations, refused) = play(cloud, &mut trading, *scene).await?;
        let Traded { tally, counts, time } = trading.close().await?;
        let orders = tally.orders - outcome.tally.orders;
        let played = Played { scene: *scene, orders, time, rotations, refused, counts };
        progress(&played.row());
        outcome.scenes.push(played);
        outcome.tally = tally;
    }
    Ok(outcome)
}

async fn play(cloud: &mut Cloud, trading: &mut Trading<'_>, scene: Scene) -> Result<(usize, u32)> {
    let (mut rotations, mut refused) = (0, 0);
    for round in 0..scene.rounds {
        let hasty = round == 0 && scene.has(Incident::HastyRevocation);
        if hasty {
            trading.mounted_apps().iter().for_each(MountedApp::stand_still);
        }
        let rotated = trading.rotate(cloud, scene.pattern).await?;
        rotations += rotated.len();
        refused += rotated.iter().map(|one| one.refused).sum::<u32>();
        if hasty {
            revoke(cloud, trading, &rotated).await?;
            tokio::time::sleep(LOCKED_OUT).await;
            for mounted in trading.mounted_apps() {
                mounted.follow(cloud).await?;
            }
        }
        if hasty || scene.pattern == Pattern::Watch {
            trading.all_switched(cloud, &rotated).await?;
        }
        if round == 0 && scene.has(Incident::Crash) {
            trading.crash_consumers(cloud).await?;
        }
        if round == 0 && scene.has(Incident::Revocation) {
            revoke(cloud, trading, &rotated).await?;
        }
    }
    if scene.has(Incident::Restart) {
        cloud.broker.restart().await?;
    }
    trading.catch_up().await?;
    Ok((rotations, refused))
}

async fn revoke(cloud: &Cloud, trading: &Trading<'_>, rotated: &[Rotated]) -> Result<()> {
    for one in rotated {
        trading.revoke(cloud, one).await?;
    }
    Ok(())
}

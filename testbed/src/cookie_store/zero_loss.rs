//! The proof that no order is lost or done twice while the store's secrets rotate: one scene for each policy and pattern.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Counts, Pattern, StaleConnections, Store, Tally, Traded, Trading};
use crate::cloud::Cloud;

/// What the store is put through.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many orders come in.
    pub orders_per_second: u32,
    /// One after the other, with the same secrets and ledgers.
    pub scenes: Vec<Scene>,
}

/// The store, opened once.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// What rotation-mq does about connections of the user to reset.
    pub policy: StaleConnections,
    /// When the services go over to new credentials.
    pub pattern: Pattern,
    /// How often all three secrets rotate.
    pub rounds: u32,
    /// Whether what was current before the first round is revoked after it.
    pub revocation: bool,
    /// Whether the broker restarts after the last round.
    pub restart: bool,
}

/// What became of a scene.
#[derive(Debug, Clone)]
pub struct Played {
    /// The scene.
    pub scene: Scene,
    /// Orders that came in during it.
    pub orders: usize,
    /// How long the store was open.
    pub time: Duration,
    /// Rotations that finished.
    pub rotations: usize,
    /// How often a rotation was refused before, because somebody was connected.
    pub refused: u32,
    /// What the services counted.
    pub counts: Counts,
}

/// What became of all of it.
#[derive(Debug, Clone, Default)]
pub struct ZeroLoss {
    /// Scene by scene.
    pub scenes: Vec<Played>,
    /// All orders.
    pub tally: Tally,
}

impl Plan {
    /// Every policy with every pattern; for each pattern the broker restarts once.
    #[must_use]
    pub fn full() -> Self {
        use Pattern::{Lazy, Watch};
        use StaleConnections::{Close, Refuse, Report};
        let scene =
            |pattern, policy, revocation, restart| Scene { policy, pattern, rounds: 4, revocation, restart };
        let scenes = vec![
            scene(Watch, Report, false, true),
            scene(Watch, Close, true, false),
            scene(Watch, Refuse, true, false),
            scene(Lazy, Report, true, true),
            scene(Lazy, Close, false, false),
            scene(Lazy, Refuse, false, false),
        ];
        Self { orders_per_second: 220, scenes }
    }

    /// Some 20 seconds, for every run of the tests.
    #[must_use]
    pub fn short() -> Self {
        let watch = Scene {
            policy: StaleConnections::Report,
            pattern: Pattern::Watch,
            rounds: 2,
            revocation: true,
            restart: false,
        };
        let lazy = Scene {
            policy: StaleConnections::Close,
            pattern: Pattern::Lazy,
            rounds: 2,
            revocation: false,
            restart: true,
        };
        Self { orders_per_second: 220, scenes: vec![watch, lazy] }
    }
}

impl ZeroLoss {
    /// What all services of all scenes counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.scenes.iter().fold(Counts::default(), |mut all, played| {
            all += played.counts;
            all
        })
    }

    /// Rotations that finished.
    #[must_use]
    pub fn rotations(&self) -> usize {
        self.scenes.iter().map(|played| played.rotations).sum()
    }

    /// How long any service stood still in the scenes in which the broker did, or did not, restart.
    #[must_use]
    pub fn longest_pause(&self, restart: bool) -> Duration {
        let scenes = self.scenes.iter().filter(|played| played.scene.restart == restart);
        scenes.map(|played| played.counts.longest_pause()).max().unwrap_or_default()
    }

    /// Whether nothing was lost and nothing done twice.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.tally.orders > 0 && self.tally.lost == 0 && self.tally.doubled == 0
    }

    /// It as a table in Markdown, the totals first.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let (tally, counts) = (self.tally, self.counts());
        let mut lines = vec![
            format!(
                "orders {}, lost = {}, doubled = {}; {} rotations; longest pause {} ms, {} ms with the broker restarting",
                tally.orders,
                tally.lost,
                tally.doubled,
                self.rotations(),
                self.longest_pause(false).as_millis(),
                self.longest_pause(true).as_millis(),
            ),
            format!(
                "connections replaced {}, lost {}; orders sent again {}; messages redelivered {}, duplicates dropped {}",
                counts.replaced, counts.lost, counts.resent, counts.redelivered, counts.duplicates
            ),
            String::new(),
            "| clients | policy | besides | orders | orders/s | rotations | refused | replaced | lost connections \
             | resent | redelivered | duplicates | longest pause |"
                .to_owned(),
            format!("|{}", "---|".repeat(13)),
        ];
        lines.extend(self.scenes.iter().map(Played::row));
        lines.join("\n")
    }
}

impl Played {
    fn row(&self) -> String {
        let Self { scene, orders, time, rotations, refused, counts } = self;
        let besides = match (scene.revocation, scene.restart) {
            (true, true) => "revocation, restart",
            (true, false) => "revocation",
            (false, true) => "restart",
            (false, false) => "",
        };
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = *orders as f64 / time.as_secs_f64();
        format!(
            "| {} | {} | {besides} | {orders} | {rate:.0} | {rotations} | {refused} | {} | {} | {} | {} | {} | {} ms |",
            scene.pattern.name(),
            scene.policy.name(),
            counts.replaced,
            counts.lost,
            counts.resent,
            counts.redelivered,
            counts.duplicates,
            counts.longest_pause().as_millis(),
        )
    }
}

/// Puts the store through `plan` on a cloud with Kubernetes, which belongs to it meanwhile: the broker restarts, and the
/// policy of rotation-mq changes. `program` is the built example.
///
/// # Errors
/// When something cannot be done. That an order was lost is none: see [`ZeroLoss::holds`].
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
        let trading = store.open(cloud, scene.pattern, plan.orders_per_second).await?;
        let (rotations, refused) = play(cloud, &trading, *scene).await?;
        let Traded { tally, counts, time } = trading.close().await?;
        let orders = tally.orders - outcome.tally.orders;
        let played = Played { scene: *scene, orders, time, rotations, refused, counts };
        progress(&played.row());
        outcome.scenes.push(played);
        outcome.tally = tally;
    }
    Ok(outcome)
}

async fn play(cloud: &mut Cloud, trading: &Trading<'_>, scene: Scene) -> Result<(usize, u32)> {
    let (mut rotations, mut refused) = (0, 0);
    for round in 0..scene.rounds {
        let rotated = trading.rotate(cloud, scene.pattern).await?;
        rotations += rotated.len();
        refused += rotated.iter().map(|one| one.refused).sum::<u32>();
        if scene.revocation && round == 0 {
            for one in &rotated {
                trading.revoke(cloud, one).await?;
            }
        }
    }
    if scene.restart {
        cloud.broker.restart().await?;
    }
    trading.catch_up().await?;
    Ok((rotations, refused))
}

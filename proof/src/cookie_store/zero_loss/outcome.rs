//! The outcome of the scenes, as numbers and as a table.

use std::time::Duration;

use super::{Incident, Scene};
use crate::cookie_store::{Counts, Tally};

/// The outcome of a scene.
#[derive(Debug, Clone)]
pub struct Played {
    /// The scene.
    pub scene: Scene,
    /// Orders that arrived during it.
    pub orders: usize,
    /// How long the store was open.
    pub time: Duration,
    /// Rotations that finished.
    pub rotations: usize,
    /// How often a rotation was refused before, because a client was connected.
    pub refused: u32,
    /// The counts of the services.
    pub counts: Counts,
}

/// The outcome of all scenes.
#[derive(Debug, Clone, Default)]
pub struct ZeroLoss {
    /// The outcome of each scene.
    pub scenes: Vec<Played>,
    /// All orders.
    pub tally: Tally,
}

impl ZeroLoss {
    /// The sum of the counts of all services in all scenes.
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

    /// The longest pause of any service in the scenes with this incident. `None` selects the scenes in which the broker
    /// and the credentials were always available.
    #[must_use]
    pub fn longest_pause(&self, incident: Option<Incident>) -> Duration {
        let scenes = self.scenes.iter().filter(|played| played.scene.outage() == incident);
        scenes.map(|played| played.counts.longest_pause()).max().unwrap_or_default()
    }

    fn pauses(&self) -> String {
        let kinds = [
            (None, "with broker and credentials there"),
            (Some(Incident::Restart), "while the broker restarted"),
            (Some(Incident::HastyRevocation), "while the volumes lagged behind a revocation"),
        ];
        let played =
            kinds.into_iter().filter(|(kind, _)| self.scenes.iter().any(|one| one.scene.outage() == *kind));
        let told = |(kind, what)| format!("{} ms {what}", self.longest_pause(kind).as_millis());
        played.map(told).collect::<Vec<_>>().join(", ")
    }

    /// Whether no order was lost or processed twice.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.tally.orders > 0 && self.tally.lost == 0 && self.tally.doubled == 0
    }

    /// The outcome as a table in Markdown, with the totals first.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let (tally, counts) = (self.tally, self.counts());
        let mut lines = vec![
            format!(
                "orders {}, lost = {}, doubled = {}; {} rotations; longest pause of a service: {}",
                tally.orders,
                tally.lost,
                tally.doubled,
                self.rotations(),
                self.pauses(),
            ),
            format!(
                "connections replaced {}, lost {}; orders sent again {}; messages redelivered {}, duplicates dropped {}",
                counts.replaced, counts.lost, counts.resent, counts.redelivered, counts.duplicates
            ),
            String::new(),
            "| clients | policy | events | orders | orders/s | rotations | refused | replaced | lost connections \
             | resent | redelivered | duplicates | longest pause |"
                .to_owned(),
            format!("|{}", "---|".repeat(13)),
        ];
        lines.extend(self.scenes.iter().map(Played::row));
        lines.join("\n")
    }
}

impl Played {
    pub(super) fn row(&self) -> String {
        let Self { scene, orders, time, rotations, refused, counts } = self;
        let events: Vec<&str> = scene.incidents.iter().map(|incident| incident.name()).collect();
        let events = events.join(", ");
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = *orders as f64 / time.as_secs_f64();
        format!(
            "| {} | {} | {events} | {orders} | {rate:.0} | {rotations} | {refused} | {} | {} | {} | {} | {} | {} ms |",
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

//! The outcome, as numbers and as a table.

use std::time::Duration;

use super::Client;
use crate::cookie_store::{Counts, Tally};

/// The work of one client.
#[derive(Debug, Clone, Copy)]
pub struct Ran {
    /// The client.
    pub client: Client,
    /// Its orders.
    pub tally: Tally,
    /// Its own counts.
    pub counts: Counts,
}

/// The work of all clients.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Each client.
    pub clients: Vec<Ran>,
    /// Rotations that finished, of all clients together.
    pub rotations: usize,
    /// How long the clients ran.
    pub time: Duration,
}

impl Ran {
    /// Whether the client lost no order, did none twice, and followed its volume. Lost connections prove nothing: the broker
    /// closes those of every client.
    fn holds(&self) -> bool {
        let Tally { orders, lost, doubled } = self.tally;
        orders > 0 && lost == 0 && doubled == 0 && self.counts.replaced > 0
    }

    fn row(&self) -> String {
        let Self { client, tally, counts } = self;
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            client.name(),
            tally.orders,
            tally.lost,
            tally.doubled,
            counts.replaced,
            counts.lost,
            counts.resent,
            counts.redelivered,
            counts.duplicates,
        )
    }
}

impl Outcome {
    /// Whether every client lost no order, did none twice, and replaced its connection after a change of its volume.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.clients.is_empty() && self.clients.iter().all(Ran::holds)
    }

    /// The outcome as a table in Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut lines = vec![
            format!("{} rotations in {} s", self.rotations, self.time.as_secs()),
            String::new(),
            "| client | orders | lost | doubled | replaced | lost connections | resent | redelivered | duplicates |"
                .to_owned(),
            format!("|---|{}", "--:|".repeat(8)),
        ];
        lines.extend(self.clients.iter().map(Ran::row));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(tally: Tally, replaced: u64) -> Outcome {
        let counts = Counts { replaced, lost: 3, ..Counts::default() };
        let ran = Ran { client: Client::Lapin, tally, counts };
        Outcome { clients: vec![ran], rotations: 3, time: Duration::from_secs(9) }
    }

    #[test]
    fn a_client_that_loses_an_order_or_never_replaces_its_connection_does_not_hold() {
        for (orders, lost, doubled, replaced, expected) in [
            (9, 0, 0, 1, true),
            (0, 0, 0, 1, false),
            (9, 1, 0, 1, false),
            (9, 0, 1, 1, false),
            (9, 0, 0, 0, false),
        ] {
            let outcome = outcome(Tally { orders, lost, doubled }, replaced);
            assert_eq!(outcome.holds(), expected, "{outcome:?}");
        }
        assert!(outcome(Tally::default(), 0).to_markdown().contains("| lapin | 0 | 0 | 0 |"));
    }
}

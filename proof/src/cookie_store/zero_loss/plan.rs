//! Which scenes there are.

use crate::cookie_store::{Pattern, StaleConnections};

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
    /// When the services go over to new credentials.
    pub pattern: Pattern,
    /// What rotation-mq does about connections of the user to reset.
    pub policy: StaleConnections,
    /// How often all three secrets rotate.
    pub rounds: u32,
    /// What happens besides.
    pub incidents: &'static [Incident],
}

/// What happens besides rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// After the first round, what was current before it is revoked.
    Revocation,
    /// As [`Incident::Revocation`], but before the new credentials are in the volumes: the services are locked out until
    /// they are.
    HastyRevocation,
    /// After the first round the consumers hang, are killed and started anew.
    Crash,
    /// After the last round the broker restarts.
    Restart,
}

impl Plan {
    /// Every pattern with every policy, and for each pattern every incident.
    #[must_use]
    pub fn full() -> Self {
        use Incident::{Crash, HastyRevocation, Restart, Revocation};
        use Pattern::{Lazy, Watch};
        use StaleConnections::{Close, Refuse, Report};
        let scene = |pattern, policy, incidents| Scene { pattern, policy, rounds: 4, incidents };
        let scenes = vec![
            scene(Watch, Report, &[Restart]),
            scene(Watch, Close, &[HastyRevocation, Crash]),
            scene(Watch, Refuse, &[Revocation]),
            scene(Lazy, Report, &[Revocation, Restart]),
            scene(Lazy, Close, &[HastyRevocation, Crash]),
            scene(Lazy, Refuse, &[]),
        ];
        Self { orders_per_second: 220, scenes }
    }

    /// Some 20 seconds, for every run of the tests.
    #[must_use]
    pub fn short() -> Self {
        use Incident::{Crash, HastyRevocation, Restart};
        let watch = Scene {
            pattern: Pattern::Watch,
            policy: StaleConnections::Report,
            rounds: 2,
            incidents: &[HastyRevocation, Crash],
        };
        let lazy = Scene {
            pattern: Pattern::Lazy,
            policy: StaleConnections::Close,
            rounds: 2,
            incidents: &[Restart],
        };
        Self { orders_per_second: 220, scenes: vec![watch, lazy] }
    }
}

impl Scene {
    pub(super) fn has(&self, incident: Incident) -> bool {
        self.incidents.contains(&incident)
    }

    /// What keeps the services from trading at all for a while.
    pub(super) fn outage(&self) -> Option<Incident> {
        [Incident::Restart, Incident::HastyRevocation].into_iter().find(|incident| self.has(*incident))
    }
}

impl Incident {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::HastyRevocation => "hasty revocation",
            Self::Crash => "crash",
            Self::Restart => "restart",
        }
    }
}

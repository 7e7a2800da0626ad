//! The scenes of the proof.

use crate::cookie_store::{Pattern, StaleConnections};

/// The scenes that the store runs through.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The number of orders a second.
    pub orders_per_second: u32,
    /// The scenes, which run one after the other with the same secrets and ledgers.
    pub scenes: Vec<Scene>,
}

/// One opening of the store.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// When the services switch to new credentials.
    pub pattern: Pattern,
    /// The policy of rotation-mq for connections of the user whose password it resets.
    pub policy: StaleConnections,
    /// How often all three secrets rotate.
    pub rounds: u32,
    /// A further event.
    pub incidents: &'static [Incident],
}

/// An event in addition to rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// After the first round, the credentials that were current before it are revoked.
    Revocation,
    /// As [`Incident::Revocation`], but before the volumes contain the new credentials. Until then, the services cannot
    /// log in.
    HastyRevocation,
    /// After the first round, the consumers hang, are killed and are started again.
    Crash,
    /// After the last round, the broker restarts.
    Restart,
}

impl Plan {
    /// Every pattern with every policy, and every pattern with every incident.
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

    /// A short plan of some 20 seconds, for every run of the tests.
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

    /// The incident of the scene that stops the services for a while.
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

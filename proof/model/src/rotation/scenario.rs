//! Where a run begins, and what may go wrong in it. One model with everything would be too large, so each scenario has one
//! sort of trouble in depth.

use super::beginning::{
    delivered, delivered_pair, settled_pair, single, single_delivery, strangers, undelivered,
};
use super::people::ByHand;
use super::world::{Budget, World, ids};

/// What people may do in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// Nothing.
    Nobody,
    /// Roll back, store a right or a wrong value, cancel, remove AWSPENDING.
    Values,
    /// Store the credentials of another application's user, revoke any version.
    Strangers,
    /// As `Values`, and revoke AWSPREVIOUS.
    Single,
    /// Revoke any version.
    Revocations,
    /// Revoke, roll back.
    Delivered,
}

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is tried, in one sentence.
    pub meaning: &'static str,
    begins: fn() -> Vec<World>,
    people: People,
    /// What may go wrong.
    pub budget: Budget,
}

/// How far the checker goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// For the gate.
    Short,
    /// On request.
    Long,
}

const fn budget(faults: u8, extra: u8, again: u8, tokens: u8, people: u8) -> Budget {
    Budget { faults, extra, again, tokens, people }
}

impl Scenario {
    /// All scenarios, with their bounds.
    #[must_use]
    pub fn all(bounds: Bounds) -> Vec<Self> {
        let of = |name, meaning, begins: fn() -> Vec<World>, people, short, long| Self {
            name,
            meaning,
            begins,
            people,
            budget: if bounds == Bounds::Short { short } else { long },
        };
        vec![
            of(
                "attempts",
                "attempts that overlap, steps that are invoked twice or late, kills before and after every effect",
                undelivered,
                People::Nobody,
                budget(1, 1, 1, 2, 0),
                budget(2, 1, 1, 3, 0),
            ),
            of(
                "people",
                "a roll-back, values stored by hand and a cancelled rotation, in between",
                undelivered,
                People::Values,
                budget(1, 0, 1, 2, 1),
                budget(1, 1, 1, 2, 2),
            ),
            of(
                "revocations",
                "revocations of any version at any time",
                undelivered,
                People::Revocations,
                budget(1, 0, 1, 2, 1),
                budget(2, 0, 1, 2, 2),
            ),
            of(
                "strangers",
                "users that belong to another application, or to another secret",
                strangers,
                People::Strangers,
                budget(1, 0, 1, 3, 1),
                budget(1, 1, 1, 3, 2),
            ),
            of(
                "deliveries",
                "deliveries that overlap with rotations, roll-backs and revocations, and the operator's syncs",
                delivered,
                People::Delivered,
                budget(1, 0, 0, 1, 1),
                budget(1, 0, 0, 2, 1),
            ),
            of(
                "late-deliveries",
                "deliveries that overlap with steps that are invoked twice or late",
                settled_pair,
                People::Nobody,
                budget(1, 1, 1, 1, 0),
                budget(1, 1, 1, 2, 0),
            ),
            of(
                "two-deliveries",
                "two rotations and a roll-back or a revocation, whose deliveries overlap",
                delivered_pair,
                People::Delivered,
                budget(0, 0, 0, 2, 1),
                budget(1, 0, 1, 2, 2),
            ),
            of(
                "single",
                "one user only, whose password is replaced",
                single,
                People::Single,
                budget(1, 1, 1, 2, 1),
                budget(2, 1, 1, 3, 1),
            ),
            of(
                "single-delivery",
                "one user only, whose password is replaced while deliveries overlap",
                single_delivery,
                People::Single,
                budget(1, 0, 1, 1, 1),
                budget(1, 0, 1, 2, 1),
            ),
        ]
    }

    /// The worlds in which it begins.
    #[must_use]
    pub fn worlds(&self) -> Vec<World> {
        (self.begins)().into_iter().map(|world| World { budget: self.budget, ..world }).collect()
    }

    /// What people may do now.
    pub fn by_hand(&self, world: &World) -> impl Iterator<Item = ByHand> {
        let values =
            [ByHand::RollBack, ByHand::StoreRight, ByHand::StoreWrong, ByHand::Cancel, ByHand::RemovePending];
        let revocations = || ids().map(ByHand::Revoke);
        let all: Vec<ByHand> = match self.people {
            People::Nobody => vec![],
            People::Values => values.to_vec(),
            People::Single => values.into_iter().chain(world.secret.previous.map(ByHand::Revoke)).collect(),
            People::Strangers => revocations().chain([ByHand::StoreStrangers]).collect(),
            People::Revocations => revocations().collect(),
            People::Delivered => revocations().chain([ByHand::RollBack]).collect(),
        };
        all.into_iter().filter(move |by_hand| by_hand.is_possible(world))
    }
}

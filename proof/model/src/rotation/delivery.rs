//! secret2eks and the operator, effect by effect, as `secret2eks/src/deliver.rs` and `in_cluster.rs` make them.

use secret2eks::deliver::ROUNDS;

use super::world::{Annotations, Id, World};
use crate::mutation::Mutation;
use crate::suite::delivery::{self as suite, Converged, Proven, Todo};

/// How far a delivery has come: what it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// It describes the secret.
    Describe,
    /// It compares the object.
    Compare,
    /// It writes the object. What proves the sync, and whether it must ask again.
    Write(Option<(Id, u8)>, bool),
    /// It asks for another sync, after the object was written by this write.
    Ask(u8),
    /// It asks for another sync of an object with which the operator has finished.
    Prove(Option<(Id, u8)>),
    /// It waits for the operator.
    Wait(Proven),
    /// It describes the secret again. Whether another delivery wrote another version meanwhile.
    LookAgain(bool),
    /// It writes the receipt.
    Receipt,
}

/// One delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delivery {
    /// How far it has come.
    pub at: At,
    /// The version that was AWSCURRENT when it described the secret.
    pub version: Id,
    /// The receipt then.
    pub receipt: Option<Id>,
    /// How often it began again.
    pub round: u8,
    /// Whether AWSCURRENT has moved since the delivery described the secret, or since the sync began that it has seen.
    pub overtaken: bool,
}

impl Delivery {
    /// A delivery that was invoked.
    #[must_use]
    pub fn invoked() -> Self {
        Self { at: At::Describe, version: 0, receipt: None, round: 0, overtaken: false }
    }

    /// Makes the next effect. None when the delivery has ended.
    #[must_use]
    pub fn advance(mut self, world: &mut World, broken: Option<Mutation>) -> Option<Self> {
        match self.at {
            At::Describe => self.describe(world),
            At::Compare => self.compare(world, broken)?,
            At::Write(before, asks) => {
                let write = self.write(world, 0);
                let asks = asks && broken != Some(Mutation::AnySyncAccepted);
                self.at = if asks { At::Ask(write) } else { At::Wait(Proven::Change(before)) };
                if broken == Some(Mutation::ReceiptTooEarly) {
                    self.at = At::Receipt;
                }
            }
            At::Ask(written) => {
                let asked = world.cluster.object.map_or(0, |object| object.request);
                self.write(world, asked % 3 + 1);
                self.at = At::Wait(Proven::After(written));
            }
            At::Prove(before) => {
                let asked = world.cluster.object.map_or(0, |object| object.request);
                self.write(world, asked % 3 + 1);
                self.at = At::Wait(Proven::Change(before));
            }
            At::Wait(proof) => {
                if let Some(converged) = suite::converged(&world.cluster, self.version, proof) {
                    self.at = At::LookAgain(converged == Converged::Superseded);
                }
            }
            At::LookAgain(superseded) => self.look_again(world, superseded, broken)?,
            At::Receipt => {
                let comes = world.cluster.syncing.map(|(_, version)| version);
                let is_there = world.cluster.holds == Some(self.version)
                    && comes.is_none_or(|version| version == self.version);
                world.secret.is_receipt_late = self.overtaken && !is_there;
                world.secret.receipt = Some(self.version);
                return None;
            }
        }
        Some(self)
    }

    /// Whether the next effect changes anything. A delivery that waits does not.
    #[must_use]
    pub fn is_ready(&self, world: &World) -> bool {
        match self.at {
            At::Wait(proof) => suite::converged(&world.cluster, self.version, proof).is_some(),
            _ => true,
        }
    }

    /// The number of the write that it must have been synced after.
    pub fn write_number(&mut self) -> Option<&mut u8> {
        match &mut self.at {
            At::Ask(written) | At::Wait(Proven::After(written)) => Some(written),
            _ => None,
        }
    }

    fn describe(&mut self, world: &World) {
        self.version = world.secret.current;
        self.receipt = world.secret.receipt;
        self.overtaken = false;
        self.at = At::Compare;
    }

    fn compare(&mut self, world: &World, broken: Option<Mutation>) -> Option<()> {
        let before = world.cluster.synced.map(|synced| (synced.version, synced.request));
        let is_due = suite::is_due(&world.secret, self.version, self.receipt);
        let needs_proof = is_due && broken != Some(Mutation::OldSyncAccepted);
        self.at = match suite::plan(&world.cluster, self.version, self.receipt, needs_proof)? {
            Todo::Nothing => self.receipt_if_due(world)?,
            Todo::Write => At::Write(before, false),
            Todo::WriteAndAsk => At::Write(before, true),
            Todo::Prove => At::Prove(before),
            Todo::Ask => At::Ask(world.cluster.object.map_or(0, |object| object.writes)),
        };
        Some(())
    }

    fn look_again(&mut self, world: &World, superseded: bool, broken: Option<Mutation>) -> Option<()> {
        let converged = if superseded { Converged::Superseded } else { Converged::Synced };
        let earned = suite::is_earned(converged, self.version, world.secret.current)
            || broken == Some(Mutation::DeliveryLooksOnce);
        if earned {
            // Only a rule that is broken gets here while another version is current.
            self.overtaken &= world.secret.current == self.version;
            self.at = self.receipt_if_due(world)?;
            return Some(());
        }
        self.round += 1;
        if usize::from(self.round) >= ROUNDS {
            return None;
        }
        self.describe(world);
        Some(())
    }

    /// None if there is nothing left to do.
    fn receipt_if_due(&self, world: &World) -> Option<At> {
        suite::is_due(&world.secret, self.version, self.receipt).then_some(At::Receipt)
    }

    /// Server-side apply of the annotations. Returns the number of the write.
    fn write(&self, world: &mut World, request: u8) -> u8 {
        let writes = world.cluster.object.map_or(0, |object| object.writes) + 1;
        world.cluster.object = Some(Annotations { version: self.version, request, writes });
        writes
    }
}

/// Whether the operator has something to sync: the object changed, or the hour is over and the secret changed.
#[must_use]
pub fn may_sync(world: &World) -> bool {
    let cluster = &world.cluster;
    cluster.syncing.is_none()
        && cluster.object.is_some()
        && (cluster.object != cluster.synced || cluster.holds != Some(world.secret.current))
}

/// The operator reads the object and the current value.
pub fn read_for_sync(world: &mut World) {
    world.cluster.syncing = world.cluster.object.map(|object| (object, world.secret.current));
}

/// The operator writes the Kubernetes Secret and its status.
pub fn write_sync(world: &mut World) {
    if let Some((object, version)) = world.cluster.syncing.take() {
        // It was rolled back meanwhile.
        if version > world.secret.current {
            world.deliveries.iter_mut().flatten().for_each(|delivery| delivery.overtaken = true);
        }
        world.cluster.holds = Some(version);
        world.cluster.synced = Some(object);
    }
}

//! Everything that may happen while things go wrong.

use super::action::Action;
use super::invocation::{At, Work};
use super::world::{Hypothesis, Version, World, ids};
use super::{Rotation, delivery, secrets_manager};

impl Rotation {
    /// Everything that may happen while things go wrong.
    pub(super) fn troubles(&self, world: &World, actions: &mut Vec<Action>) {
        let budget = world.budget;
        for invocation in world.invocations.iter().flatten() {
            actions.push(Action::Advance(*invocation));
            if budget.faults > 0 && invocation.at != At::Start {
                actions.push(Action::Kill(*invocation));
            }
            if budget.faults > 0 && invocation.awaited {
                actions.push(Action::StopWaiting);
            }
        }
        self.attempts(world, actions);
        for delivery in world.deliveries.iter().flatten() {
            if delivery.is_ready(world) {
                actions.push(Action::Deliver(*delivery));
            }
            if budget.faults > 0 {
                actions.push(Action::KillDelivery(*delivery));
            }
        }
        if world.requested {
            actions.push(Action::StartDelivery);
        }
        if world.cluster.syncing.is_some() {
            actions.push(Action::SyncWrites);
        } else if delivery::may_sync(world) {
            actions.push(Action::SyncReads);
        }
        if budget.people > 0 {
            actions.extend(self.scenario.by_hand(world).map(Action::Person));
        }
        actions.extend([Hypothesis::SameToken, Hypothesis::NewToken, Hypothesis::None].map(Action::Calm));
    }

    fn attempts(&self, world: &World, actions: &mut Vec<Action>) {
        let budget = world.budget;
        if secrets_manager::may_begin(world) && budget.tokens > 0 {
            actions.push(Action::Rotate);
        }
        if secrets_manager::may_invoke(world) {
            actions.push(Action::Invoke);
        }
        if secrets_manager::is_at_its_end(world) {
            actions.extend([true, false].map(|kept| Action::End { kept }));
        }
        let has_failed = world.attempt.is_some_and(|attempt| attempt.failed);
        if has_failed {
            actions.push(Action::GiveUp);
        }
        let is_left = world.attempt.is_none() && world.secret.is_pending_elsewhere();
        if (has_failed || is_left) && world.secret.enabled && budget.again > 0 {
            actions.push(Action::Again);
        }
        if has_failed && world.secret.enabled && budget.tokens > 0 {
            actions.push(Action::AgainWithNewToken);
        }
        if budget.extra > 0 {
            // testSecret changes nothing.
            for token in ids().filter(|id| world.secret.versions[usize::from(*id)] != Version::Absent) {
                let steps = [Work::Create, Work::Set, Work::Finish];
                actions.extend(steps.map(|work| Action::Extra(work, token)));
            }
        }
    }
}

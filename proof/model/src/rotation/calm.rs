//! The time after the trouble. Nothing fails any more, and one thing happens after the other. The question is whether a
//! rotation still finishes, and the cluster gets it.
//!
//! One order is enough, because the property asks whether the rotation *can* finish.

use contract::Kind;

use super::action::Action;
use super::delivery;
use super::people::ByHand;
use super::secrets_manager;
use super::world::{Budget, Calm, Hypothesis, Id, User, Version, World, ids};

/// Attempts before a person acts although the failure is one that a retry may end.
const ATTEMPTS: u8 = 3;
/// How often people follow a playbook.
const PERSONS: u8 = 6;

/// The trouble is over.
pub fn begin(world: &mut World, hypothesis: Hypothesis) {
    world.budget = Budget { faults: 0, extra: 0, again: 0, tokens: 0, people: 0 };
    world.calm = Some(Calm { hypothesis, attempts: ATTEMPTS, failure: None, persons: 0, finished: false });
}

/// What happens next. None at the end.
#[must_use]
pub fn next(world: &World, calm: Calm) -> Option<Action> {
    if world.cluster.syncing.is_some() {
        return Some(Action::SyncWrites);
    }
    if delivery::may_sync(world) {
        return Some(Action::SyncReads);
    }
    let mut deliveries = world.deliveries.iter().flatten();
    if let Some(ready) = deliveries.find(|delivery| delivery.is_ready(world)) {
        return Some(Action::Deliver(*ready));
    }
    if let Some(waiting) = world.deliveries.iter().flatten().next() {
        // Its time is over.
        return Some(Action::KillDelivery(*waiting));
    }
    if world.requested {
        return Some(Action::StartDelivery);
    }
    let late = world.invocations.iter().flatten().find(|invocation| !invocation.awaited);
    if let Some(invocation) = late.or_else(|| world.invocations.iter().flatten().next()) {
        return Some(Action::Advance(*invocation));
    }
    attempts(world, calm)
}

/// Secrets Manager, and a person if it cannot go on.
fn attempts(world: &World, calm: Calm) -> Option<Action> {
    if secrets_manager::may_invoke(world) {
        return Some(Action::Invoke);
    }
    if secrets_manager::is_at_its_end(world) {
        return Some(Action::End { kept: false });
    }
    if is_finished(world, calm) {
        return None;
    }
    let asks_a_person = calm.failure.is_some_and(|kind| !kind.is_transient());
    // Without AWSPENDING there is nothing to go on with: the schedule starts a rotation.
    let is_left = world.attempt.is_some() || world.secret.is_pending_elsewhere();
    let goes_on = is_left && world.secret.pending.is_some();
    let is_disabled = goes_on && !world.secret.enabled;
    if asks_a_person || is_disabled || goes_on && calm.hypothesis == Hypothesis::None {
        let by_hand = ByHand::playbook(world, calm.failure.unwrap_or(Kind::RotationStuck));
        return (calm.persons < PERSONS).then_some(Action::Playbook(by_hand));
    }
    if calm.attempts == 0 {
        return None;
    }
    Some(match (goes_on, calm.hypothesis) {
        (false, _) => Action::Rotate,
        (true, Hypothesis::NewToken) => Action::AgainWithNewToken,
        (true, _) => Action::Again,
    })
}

/// Makes room for one more version, as Secrets Manager does: it deletes versions without labels at some time.
pub fn make_room(world: &mut World) {
    if world.calm.is_none() || world.secret.free().is_some() {
        return;
    }
    let secret = &world.secret;
    let kept = [Some(secret.current), secret.previous, secret.pending, secret.receipt, world.cluster.holds];
    // The next version in this place has the same password, so no user of the pair may have it.
    let is_on_broker = |id: Id| {
        let login = secret.login(id).filter(|login| matches!(login.user, User::First | User::Second));
        login.is_some_and(|login| world.accepts(login))
    };
    let oldest = ids().find(|id| !kept.contains(&Some(*id)) && !is_on_broker(*id));
    if let Some(id) = oldest {
        world.secret.put(id, Version::Absent);
        world.secret.wrong_by_hand &= !(1 << id);
        world.secret.late &= !(1 << id);
    }
}

/// One more attempt begins.
pub fn count_attempt(world: &mut World) {
    if let Some(calm) = &mut world.calm {
        calm.attempts = calm.attempts.saturating_sub(1);
        calm.failure = None;
    }
}

/// A person has followed a playbook, and Secrets Manager tries again.
pub fn count_person(world: &mut World) {
    world.attempt = None;
    if let Some(calm) = &mut world.calm {
        calm.persons += 1;
        calm.attempts = ATTEMPTS;
        calm.failure = None;
    }
}

/// Whether a rotation has finished since the trouble ended, AWSCURRENT logs in, and the cluster has it.
#[must_use]
pub fn is_finished(world: &World, calm: Calm) -> bool {
    let is_delivered = !world.secret.routed
        || world.secret.receipt == Some(world.secret.current)
            && world.cluster.holds == Some(world.secret.current);
    calm.finished
        && world.is_idle()
        && world.current_works()
        && !world.secret.is_pending_elsewhere()
        && is_delivered
}

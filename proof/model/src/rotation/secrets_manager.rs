//! Secrets Manager: it starts rotations, invokes the steps, and does one of several things after a failure.
//!
//! The rows are those of `testbed/aws/CONTRACT.md`.

use contract::Kind;

use super::invocation::{At, Invocation, Next, Work};
use super::world::{Attempt, Id, Version, World};

/// What ends an attempt in success: all steps have answered.
const ALL_STEPS: u8 = 4;

/// A new version without a value gets AWSPENDING, and its attempt begins (rows R2 and R7).
pub fn begin(world: &mut World) -> Option<()> {
    let token = world.secret.free()?;
    world.secret.put(token, Version::Empty);
    world.secret.pending = Some(token);
    world.secret.enabled = true;
    world.attempt = Some(attempt(token));
    Some(())
}

/// The entire rotation again with the version that is AWSPENDING (row H2).
pub fn again(world: &mut World) -> Option<()> {
    world.attempt = Some(attempt(world.secret.pending?));
    Some(())
}

/// Whether `RotateSecret` starts a rotation (row R6).
#[must_use]
pub fn may_begin(world: &World) -> bool {
    world.attempt.is_none() && !world.secret.is_pending_elsewhere() && world.secret.free().is_some()
}

/// Whether the step is to be invoked now.
#[must_use]
pub fn may_invoke(world: &World) -> bool {
    world.attempt.is_some_and(|attempt| {
        !attempt.invoked && !attempt.failed && attempt.step < ALL_STEPS && world.secret.enabled
    })
}

/// Whether all steps have answered.
#[must_use]
pub fn is_at_its_end(world: &World) -> bool {
    world.attempt.is_some_and(|attempt| !attempt.failed && attempt.step == ALL_STEPS)
}

/// Invokes the next step.
pub fn invoke(world: &mut World) -> Option<()> {
    let attempt = world.attempt.as_mut()?;
    let work = *Work::STEPS.get(usize::from(attempt.step))?;
    attempt.invoked = true;
    let invocation = Invocation { work, version: attempt.token, awaited: true, at: At::Start };
    world.invoke(invocation).then_some(())
}

/// An invocation that Secrets Manager waits for has ended.
pub fn answered(world: &mut World, next: Next) {
    let current = world.secret.current;
    let Some(attempt) = &mut world.attempt else { return };
    attempt.invoked = false;
    match next {
        Next::Done => {
            attempt.step += 1;
            // All steps answered, and AWSCURRENT is elsewhere (row R5).
            attempt.failed = attempt.step == ALL_STEPS && current != attempt.token;
        }
        Next::Failed(_) | Next::At(_) => attempt.failed = true,
    }
    let failure = match (next, attempt.failed) {
        (Next::Failed(kind), _) => Some(kind),
        (_, true) => Some(Kind::RotationFailed),
        _ => None,
    };
    if let (Some(calm), Some(_)) = (&mut world.calm, failure) {
        calm.failure = failure;
    }
}

/// Nobody waits for the invocations of this attempt any more. They go on.
pub fn abandon(world: &mut World) {
    for invocation in world.invocations.iter_mut().flatten() {
        invocation.awaited = false;
    }
    if let Some(attempt) = &mut world.attempt {
        attempt.invoked = false;
        attempt.failed = true;
    }
}

/// The rotation has succeeded. AWSPENDING stays on its version or is removed (row L4).
pub fn end(world: &mut World, kept: bool) -> Option<()> {
    let attempt = world.attempt.take()?;
    if !kept && world.secret.pending == Some(attempt.token) {
        world.secret.pending = None;
    }
    if let Some(calm) = &mut world.calm {
        calm.finished = true;
    }
    Some(())
}

/// A value is stored as AWSCURRENT by hand (rows V4 and V7). It abandons the rotation under way.
pub fn store(world: &mut World, id: Id, version: Version) {
    world.secret.put(id, version);
    world.secret.make_current(id);
    if world.secret.is_pending_elsewhere() {
        world.secret.pending = None;
        abandon(world);
        world.attempt = None;
    }
}

fn attempt(token: Id) -> Attempt {
    Attempt { token, step: 0, invoked: false, failed: false }
}

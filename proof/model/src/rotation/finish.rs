//! testSecret, and finishSecret effect by effect.

use contract::Kind;
use rotation_mq::event::StepName;

use super::invocation::{At, Next, equal_grants, find, fitting, log_in, refuse_what_is_not_ours};
use super::world::{Id, World};
use crate::mutation::Mutation;
use crate::suite::rotation as suite;

/// testSecret changes nothing, so that its reads and its login are one effect.
///
/// # Errors
/// What the step reports.
pub fn test(world: &World, token: Id, broken: Option<Mutation>) -> Result<Next, Kind> {
    let found = find(world, StepName::TestSecret, token, broken)?;
    let news =
        found.pending.filter(|pending| !suite::same_credentials(*pending, found.login, world.secret.single));
    if news.is_none() {
        log_in(world, found.login, Kind::CurrentLoginRefused)?;
        refuse_what_is_not_ours(world, &found, found.next, false, broken)?;
        return Ok(Next::Done);
    }
    let pending = fitting(world, &found, broken)?;
    log_in(world, pending, Kind::PendingLoginRefused)?;
    if suite::alternates(found.login, world.secret.single) {
        equal_grants(world, found.login.user, pending.user)?;
    }
    Ok(Next::Done)
}

/// What it reads and proves.
///
/// # Errors
/// What the step reports.
pub fn finish(world: &World, token: Id, broken: Option<Mutation>) -> Result<Next, Kind> {
    let found = find(world, StepName::FinishSecret, token, broken)?;
    if found.already_current {
        log_in(world, found.login, Kind::CurrentLoginRefused)?;
        return Ok(Next::At(At::Request));
    }
    let pending = fitting(world, &found, broken)?;
    let is_unproved = match broken {
        Some(Mutation::PromotesUnproved) => true,
        Some(Mutation::PromotesOnlyUserUnproved) => world.secret.single,
        _ => false,
    };
    if !is_unproved {
        log_in(world, pending, Kind::PendingLoginRefused)?;
        if suite::alternates(found.login, world.secret.single) {
            equal_grants(world, found.login.user, pending.user)?;
        }
    }
    Ok(Next::At(At::Promote(found.current, world.secret.pending == Some(token))))
}

/// `UpdateSecretVersionStage` (rows L1 and L2). If it is refused, the result is read.
pub fn promote(world: &mut World, token: Id, from: Id, was_pending: bool) -> Next {
    if world.secret.current == from {
        if was_pending && world.secret.pending != Some(token) && !world.works(token) {
            world.secret.late |= 1 << token;
        }
        world.secret.make_current(token);
    } else if world.secret.current != token {
        return Next::Failed(Kind::AwsRequestFailed);
    }
    Next::At(At::Request)
}

//! `revokePrevious`, effect by effect, as `rotation-mq/src/steps/revoke_previous` makes them. Without `force`.

use contract::Kind;
use rotation_mq::ownership::Claim;
use rotation_mq::steps::look_again::LOOKS;
use rotation_mq::steps::revoke_previous::REFUSALS;

use super::invocation::{At, Next};
use super::steps::restore;
use super::world::{Id, Login, Mark, RANDOM, User, World, Writer};
use crate::mutation::Mutation;
use crate::suite::revocation::{self as suite, Plan, Restoration, Staged};
use crate::suite::rotation;

/// Makes the next effect.
///
/// # Errors
/// What the function reports.
pub fn advance(world: &mut World, leaked: Id, at: At, broken: Option<Mutation>) -> Result<Next, Kind> {
    let login = world.secret.login(leaked).ok_or(Kind::RevokeRefused)?;
    match at {
        At::Start => start(world, leaked, login, broken),
        At::Scramble(current) => {
            let kept = world.account(login.user).map_or(Mark::None, |account| account.mark);
            let mark = if broken == Some(Mutation::MarkNotWritten) { kept } else { Mark::Ours };
            world.write(login.user, RANDOM, mark, Writer::Revocation(leaked));
            // A person rolled back to it meanwhile. An older version has a lower number.
            if world.secret.current == leaked && leaked < current {
                world.secret.wrong_by_hand |= 1 << leaked;
            }
            Ok(Next::At(At::Watch(current, 0)))
        }
        At::Watch(current, round) => watch(world, login, current, round, broken),
        At::GiveBack(id, began, looks) => {
            let is_last = usize::from(looks) >= LOOKS;
            restore(world, id, if is_last { Writer::RestoredLast } else { Writer::Revocation(leaked) });
            if is_last || broken == Some(Mutation::RestoresOnce) {
                return Err(Kind::RevokeRaced);
            }
            Ok(Next::At(At::GivenBack(id, began, looks)))
        }
        At::GivenBack(id, began, looks) => match taken(world, login, began) {
            Some(now) if now != id => give_back(world, login, now, began, looks + 1),
            _ => Err(Kind::RevokeRaced),
        },
        _ => Ok(Next::Done),
    }
}

fn start(world: &World, leaked: Id, login: Login, broken: Option<Mutation>) -> Result<Next, Kind> {
    let secret = &world.secret;
    let ignores_pending = broken == Some(Mutation::RevokesStaged);
    match suite::staged(secret, leaked) {
        Some(Staged::Pending) if ignores_pending => {}
        Some(_) => return Err(Kind::RevokeRefused),
        None => {}
    }
    let current = secret.login(secret.current).ok_or(Kind::SecretNotFound)?;
    let base = base(world, current).ok_or(Kind::PairTaken)?;
    let plan = suite::plan(current, login, secret.single, base);
    let scrambles = broken == Some(Mutation::ScramblesOnlyUser);
    if plan.ok_or(Kind::RevokeRefused)? == Plan::CloseOnly && !scrambles {
        return Ok(Next::Done);
    }
    let pending = secret.pending.filter(|id| *id != secret.current).and_then(|id| secret.login(id));
    if pending.is_some_and(|pending| pending.user == login.user) && !ignores_pending {
        return Err(Kind::RevokeRefused);
    }
    let is_undelivered = rotation::is_undelivered(secret, secret.receipt, secret.current);
    if is_undelivered && broken != Some(Mutation::RevokesUndelivered) {
        return Err(Kind::RevokeRefused);
    }
    // A user that does not exist needs no other password.
    let Some(account) = world.account(login.user) else { return Ok(Next::Done) };
    let is_proved = match suite::of_user(account.mark) {
        Some(Claim::Ours) => true,
        Some(Claim::NeedsProof) => {
            world.accepts(login) || (current.user == login.user && world.accepts(current))
        }
        None => false,
    };
    if !is_proved && broken != Some(Mutation::RevokesUnproved) {
        return Err(Kind::RevokeRefused);
    }
    Ok(Next::At(At::Scramble(secret.current)))
}

/// As `pair_of` does.
fn base(world: &World, current: Login) -> Option<User> {
    world.secret.pin.or_else(|| rotation::pair(None, current.user, None))
}

fn watch(world: &World, leaked: Login, began: Id, round: u8, broken: Option<Mutation>) -> Result<Next, Kind> {
    if broken != Some(Mutation::RevocationLooksAway)
        && let Some(id) = taken(world, leaked, began)
    {
        return give_back(world, leaked, id, began, 1);
    }
    if world.accepts(leaked) {
        // The proof does not come in time.
        return Err(Kind::RevokeStillWorks);
    }
    Ok(if usize::from(round) + 1 >= REFUSALS { Next::Done } else { Next::At(At::Watch(began, round + 1)) })
}

/// The version that is in use for the user of the leaked one, and was made since the revocation began.
fn taken(world: &World, leaked: Login, began: Id) -> Option<Id> {
    let mut staged = rotation::in_use(&world.secret).into_iter().flatten().filter(|id| *id != began);
    staged.find(|id| world.secret.login(*id).is_some_and(|taken| taken.user == leaked.user))
}

fn give_back(world: &World, leaked: Login, id: Id, began: Id, looks: u8) -> Result<Next, Kind> {
    let login = |id| world.secret.login(id).ok_or(Kind::SecretNotFound);
    match suite::restoration(login(began)?, leaked, login(id)?, world.secret.single) {
        Restoration::Restore => Ok(Next::At(At::GiveBack(id, began, looks))),
        Restoration::IsLeaked | Restoration::Refuse(_) => Err(Kind::RevokeRaced),
    }
}

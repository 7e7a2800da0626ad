//! The four steps of a rotation, effect by effect, as `rotation-mq/src/steps` makes them.

use contract::Kind;
use rotation_mq::event::StepName;
use rotation_mq::steps::look_again::LOOKS;

use super::finish::{finish, promote, test};
use super::invocation::{At, Found, Invocation, Next, Work, find, fitting, refuse_what_is_not_ours};
use super::people::has_moved;
use super::revoke;
use super::world::{Id, Login, Mark, NEEDED, User, Version, World, Writer};
use crate::mutation::Mutation;
use crate::suite::rotation::{self as suite, Changes};

/// Makes the next effect of an invocation.
pub fn advance(world: &mut World, invocation: Invocation, broken: Option<Mutation>) -> Next {
    let token = invocation.version;
    let next = match (invocation.work, invocation.at) {
        (Work::Create, At::Start) => create(world, token, broken),
        (Work::Set, At::Start) => set(world, token, broken),
        (Work::Test, At::Start) => test(world, token, broken),
        (Work::Finish, At::Start) => finish(world, token, broken),
        (Work::Revoke, at) => revoke::advance(world, token, at, broken),
        (_, At::Store(login)) => Ok(store(world, token, login)),
        (_, At::ReadAgain) => read_again(world, token, broken),
        (_, At::Pin(changes, base)) => {
            world.secret.pin = Some(base);
            Ok(after_pin(changes, broken))
        }
        (_, at) => Ok(write(world, token, at, broken)),
    };
    if next == Err(Kind::PairTaken) && invocation.work != Work::Revoke {
        world.refused_ours |= is_ours(world);
    }
    next.unwrap_or_else(Next::Failed)
}

/// Whether both users are this secret's, as nobody but the model knows.
fn is_ours(world: &World) -> bool {
    let current = world.secret.login(world.secret.current).map(|login| login.user);
    let is_theirs = |user: User| world.account(user).is_some_and(|account| account.is_theirs);
    matches!(current, Some(User::First | User::Second))
        && ![User::First, User::Second].into_iter().any(is_theirs)
        && !has_moved(world)
}

fn create(world: &World, token: Id, broken: Option<Mutation>) -> Result<Next, Kind> {
    let found = find(world, StepName::CreateSecret, token, broken)?;
    if found.already_current {
        return Ok(Next::Done);
    }
    if found.pending.is_some() {
        if broken == Some(Mutation::PendingNotReused) {
            return Err(Kind::AwsRequestFailed);
        }
        return fitting(world, &found, broken).map(|_| Next::Done);
    }
    // Two calls make two passwords, and Secrets Manager keeps the first. So the number of the version is enough.
    Ok(Next::At(At::Store(Login { user: found.next, password: token })))
}

/// `PutSecretValue` with AWSPENDING (rows V2, V3 and V5).
fn store(world: &mut World, token: Id, login: Login) -> Next {
    if world.secret.login(token).is_some() {
        return Next::At(At::ReadAgain);
    }
    world.secret.put(token, Version::Holds(login));
    world.secret.pending = Some(token);
    Next::Done
}

fn read_again(world: &World, token: Id, broken: Option<Mutation>) -> Result<Next, Kind> {
    let found = find(world, StepName::CreateSecret, token, broken)?;
    if !found.already_current {
        fitting(world, &found, broken)?;
    }
    Ok(Next::Done)
}

fn set(world: &mut World, token: Id, broken: Option<Mutation>) -> Result<Next, Kind> {
    let found = find(world, StepName::SetSecret, token, broken)?;
    if found.already_current {
        return Ok(Next::Done);
    }
    let pending = fitting(world, &found, broken)?;
    let decided = if suite::alternates(found.login, world.secret.single) {
        alternate(world, &found, pending, broken)?
    } else {
        change_in_place(world, &found, pending, broken)?
    };
    let by_late_receipt = world.secret.is_receipt_late;
    let changes = Changes { from: found.current, by_late_receipt, ..decided };
    let is_pinned = world.secret.pin.is_some();
    Ok(if is_pinned { after_pin(changes, broken) } else { Next::At(At::Pin(changes, found.base)) })
}

fn alternate(
    world: &mut World,
    found: &Found,
    pending: Login,
    broken: Option<Mutation>,
) -> Result<Changes, Kind> {
    let active = world.account(found.login.user).ok_or(Kind::CurrentUserMissing)?;
    let inactive = world.account(pending.user);
    let pending_logs_in = world.accepts(pending);
    if !world.accepts(found.login) {
        return Err(Kind::CurrentLoginRefused);
    }
    refuse_what_is_not_ours(world, found, pending.user, pending_logs_in, broken)?;
    if active.permissions & NEEDED == 0 {
        return Err(Kind::VhostNotPermitted);
    }
    let is_undelivered = suite::is_undelivered(&world.secret, world.secret.receipt, found.current);
    if suite::is_to_be_reset(inactive.is_some(), pending_logs_in)
        && is_undelivered
        && broken != Some(Mutation::ReceiptIgnored)
    {
        world.requested |= broken != Some(Mutation::RefusalWithoutRequest);
        return Err(Kind::DeliveryUndelivered);
    }
    let changes = suite::changes(active, inactive, pending_logs_in);
    Ok(match broken {
        Some(Mutation::GrantsOnlyWithPassword) if pending_logs_in => {
            Changes { password: changes.password, ..Changes::default() }
        }
        Some(Mutation::RemovalsAfterPassword) => {
            Changes { remove_first: 0, remove_last: changes.remove_last | changes.remove_first, ..changes }
        }
        _ => changes,
    })
}

fn change_in_place(
    world: &World,
    found: &Found,
    pending: Login,
    broken: Option<Mutation>,
) -> Result<Changes, Kind> {
    let works_already = world.accepts(pending);
    if !works_already && !world.accepts(found.login) {
        return Err(Kind::CurrentLoginRefused);
    }
    let account = world.account(found.login.user).ok_or(Kind::CurrentUserMissing)?;
    refuse_what_is_not_ours(world, found, found.login.user, works_already, broken)?;
    if account.permissions & NEEDED == 0 {
        return Err(Kind::VhostNotPermitted);
    }
    Ok(Changes { password: !works_already, ..Changes::default() })
}

fn after_pin(changes: Changes, broken: Option<Mutation>) -> Next {
    if changes.remove_first != 0 { Next::At(At::Remove(changes)) } else { after_removal(changes, broken) }
}

fn after_removal(changes: Changes, broken: Option<Mutation>) -> Next {
    if changes.password { Next::At(At::Password(changes)) } else { after_password(changes, broken) }
}

fn after_password(changes: Changes, broken: Option<Mutation>) -> Next {
    if changes.add | changes.remove_last != 0 {
        Next::At(At::Grant(changes))
    } else {
        after_grant(changes, broken)
    }
}

fn after_grant(changes: Changes, broken: Option<Mutation>) -> Next {
    if changes.password && broken != Some(Mutation::LookAgainOff) {
        Next::At(At::LookAgain(changes.from))
    } else {
        Next::Done
    }
}

/// The effects of setSecret and finishSecret.
fn write(world: &mut World, token: Id, at: At, broken: Option<Mutation>) -> Next {
    let Some(login) = world.secret.login(token) else { return Next::Failed(Kind::PendingMissing) };
    match at {
        At::Remove(changes) => {
            change_permissions(world, login.user, |permissions| permissions & !changes.remove_first);
            after_removal(changes, broken)
        }
        At::Password(changes) => {
            set_password(world, token, login, changes, broken);
            after_password(changes, broken)
        }
        At::Grant(changes) => {
            change_permissions(world, login.user, |permissions| {
                (permissions | changes.add) & !changes.remove_last
            });
            after_grant(changes, broken)
        }
        At::LookAgain(from) => look_again(world, token, login, from, broken),
        At::Restore(id, looks) => {
            let is_last = usize::from(looks) >= LOOKS;
            restore(world, id, if is_last { Writer::RestoredLast } else { Writer::LateStep });
            if is_last || broken == Some(Mutation::RestoresOnce) {
                return Next::Failed(Kind::RotationRaced);
            }
            Next::At(At::Restored(id, looks))
        }
        At::Restored(id, looks) => match in_use(world, login.user) {
            Some(now) if now != id => Next::At(At::Restore(now, looks + 1)),
            _ => Next::Failed(Kind::RotationRaced),
        },
        At::Promote(from, was_pending) => promote(world, token, from, was_pending),
        At::Request => {
            world.requested |= world.secret.routed;
            Next::Done
        }
        _ => Next::Done,
    }
}

fn change_permissions(world: &mut World, user: User, change: impl FnOnce(u8) -> u8) {
    world.wrote_theirs |= world.account(user).is_some_and(|account| account.is_theirs);
    world.change(user, |account| account.permissions = change(account.permissions));
}

fn set_password(world: &mut World, token: Id, login: Login, changes: Changes, broken: Option<Mutation>) {
    let writer = match (suite::stands(&world.secret, token, changes.from), changes.by_late_receipt) {
        (false, _) => Writer::LateStep,
        (true, _) if token == world.secret.current => Writer::Restored,
        (true, true) => Writer::LateReceipt,
        (true, false) => Writer::Rotation,
    };
    let mark = match (broken, world.account(login.user)) {
        (Some(Mutation::MarkNotWritten), account) => account.map_or(Mark::None, |account| account.mark),
        _ => Mark::Ours,
    };
    world.write(login.user, login.password, mark, writer);
}

fn look_again(world: &World, token: Id, login: Login, from: Id, broken: Option<Mutation>) -> Next {
    let from = if broken == Some(Mutation::PromotionOverlooked) { world.secret.current } else { from };
    if suite::stands(&world.secret, token, from) {
        return Next::Done;
    }
    in_use(world, login.user)
        .map_or(Next::Failed(Kind::RotationVersionNotPending), |id| Next::At(At::Restore(id, 1)))
}

/// The version that is in use for a user.
pub(super) fn in_use(world: &World, user: User) -> Option<Id> {
    let mut staged = suite::in_use(&world.secret).into_iter().flatten();
    staged.find(|id| world.secret.login(*id).is_some_and(|other| other.user == user))
}

/// Gives a user the password of a version. `late` has written it if the version is not in use any more, or if it is pending
/// and its own setSecret would not have been allowed to write it.
pub(super) fn restore(world: &mut World, id: Id, late: Writer) {
    let Some(login) = world.secret.login(id) else { return };
    let secret = &world.secret;
    let is_allowed = id == secret.current || !suite::is_undelivered(secret, secret.receipt, secret.current);
    let is_right = in_use(world, login.user) == Some(id) && is_allowed;
    let writer = match is_right {
        false => late,
        true if id != secret.current && secret.is_receipt_late => Writer::LateReceipt,
        true => Writer::Restored,
    };
    world.write(login.user, login.password, Mark::Ours, writer);
}

//! When AWSCURRENT, or what the cluster holds, may fail to log in. The design admits these cases and no others.

use super::invocation::{At, Work};
use super::world::{Id, User, World, Writer, ids};
use crate::suite::rotation::{Changes, in_use};

/// A case that the design admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exception {
    /// With `single`, the one user has the pending password between setSecret and finishSecret, and the cluster has the old
    /// one until the delivery.
    SingleUser,
    /// With `single`, the attempt whose setSecret has run was abandoned: Secrets Manager began again with a new token, or a
    /// person removed AWSPENDING. The next rotation reports `current.login_refused`, and a person restores the password.
    SingleAbandoned,
    /// With `single`, a late setSecret wrote or restored the password of AWSCURRENT after finishSecret had logged in and before
    /// it promoted. The next rotation reports `current.login_refused`, and a person restores the
    /// password.
    SingleLateStep,
    /// A late step of an abandoned attempt has just reset the user. It is about to look again and to restore the password
    /// (`rotation.raced`). A version that is neither AWSCURRENT nor AWSPENDING is not restored, because it may have been
    /// revoked.
    LateStep,
    /// As before, but the late step was killed before it could restore the password. The next rotation reports
    /// `current.login_refused`, and a person restores it.
    LateStepKilled,
    /// A revocation began before a rotation gave the user to a version. It is about to look again and to restore the
    /// password (`revoke.raced`), unless the version is neither AWSCURRENT nor AWSPENDING by then.
    Revocation,
    /// As before, but the revocation was killed before it could restore the password.
    RevocationKilled,
    /// The staging labels moved again before the last password that a late step or a revocation may restore was written
    /// (`LOOKS`). The next rotation reports `current.login_refused`, and a person restores the password.
    RestoredLast,
    /// A late step or a revocation restored the pending password before setSecret had removed the permissions that the
    /// active user does not have. setSecret removes them, and finishSecret compares them.
    RestoredEarly,
    /// finishSecret of an abandoned attempt was so late that another attempt has reset the user between its login and the
    /// promotion. Secrets Manager has no request that moves AWSCURRENT only while AWSPENDING is attached.
    LatePromotion,
    /// A rotation and a roll-back by hand made the same version current again during one delivery. So the delivery did not
    /// notice, and its receipt allows the reset of the user that the cluster has by then.
    LateReceipt,
    /// A person stored a value that does not log in, or moved AWSCURRENT to one, or to one that is being revoked. The leaked
    /// password is never set again.
    ByHand,
}

impl Exception {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SingleUser,
        Self::SingleAbandoned,
        Self::SingleLateStep,
        Self::LateStep,
        Self::LateStepKilled,
        Self::Revocation,
        Self::RevocationKilled,
        Self::RestoredLast,
        Self::RestoredEarly,
        Self::LatePromotion,
        Self::LateReceipt,
        Self::ByHand,
    ];

    /// The name in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SingleUser => "single user",
            Self::SingleAbandoned => "single user, abandoned",
            Self::SingleLateStep => "single user, late step",
            Self::LateStep => "late step",
            Self::LateStepKilled => "late step, killed",
            Self::Revocation => "revocation",
            Self::RevocationKilled => "revocation, killed",
            Self::RestoredLast => "restored last",
            Self::RestoredEarly => "restored early",
            Self::LatePromotion => "late promotion",
            Self::LateReceipt => "late receipt",
            Self::ByHand => "by hand",
        }
    }

    /// What happened, and what follows.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::SingleUser => {
                "with `single`, the one user has the pending password until finishSecret, and the cluster the old one until \
                 the delivery"
            }
            Self::SingleAbandoned => {
                "with `single`, the attempt that set the password was abandoned; the next rotation reports \
                 `current.login_refused`, and a person restores the password"
            }
            Self::SingleLateStep => {
                "with `single`, a late setSecret wrote or restored the password of AWSCURRENT between the login and the promotion \
                 of finishSecret; the next rotation reports `current.login_refused`"
            }
            Self::LateStep => {
                "a late setSecret of an abandoned attempt has reset the user, and restores the password in its next calls, \
                 unless its version is neither AWSCURRENT nor AWSPENDING: then it may have been revoked"
            }
            Self::LateStepKilled => {
                "the same, and the function is killed between the two calls; the next rotation reports `current.login_refused`"
            }
            Self::Revocation => {
                "a rotation has taken the user since the revocation began, and the revocation restores the password in its \
                 next calls; a version that is neither AWSCURRENT nor AWSPENDING by then is not restored"
            }
            Self::RevocationKilled => {
                "the same, and the function is killed after its write; the next rotation reports `current.login_refused`"
            }
            Self::RestoredLast => {
                "the staging labels moved for the third time while a late setSecret or a revocation restored a password, and the \
                 last restored one is not looked at; the next rotation reports `current.login_refused`"
            }
            Self::RestoredEarly => {
                "a late setSecret or a revocation restored the pending password before setSecret had removed the permissions \
                 that the active user does not have"
            }
            Self::LatePromotion => {
                "a late finishSecret of an abandoned attempt promotes its version after another attempt has reset the user"
            }
            Self::LateReceipt => {
                "during one delivery, a rotation and a roll-back by hand make the same version current again, so that the next \
                 rotation resets the user that the cluster has"
            }
            Self::ByHand => {
                "a person stored a value that does not log in, or moved AWSCURRENT to one, or to one that is being revoked"
            }
        }
    }
}

/// The case that explains why a version does not log in. None if nothing does.
#[must_use]
pub fn why(world: &World, version: Id) -> Option<Exception> {
    let bit = 1 << version;
    if world.secret.wrong_by_hand & bit != 0 {
        return Some(Exception::ByHand);
    }
    if world.secret.late & bit != 0 {
        return Some(Exception::LatePromotion);
    }
    let user = world.secret.login(version)?.user;
    match world.account(user)?.writer {
        Writer::Rotation | Writer::Restored if world.secret.single => only_user(world, version),
        Writer::Rotation | Writer::Restored => None,
        Writer::RestoredLast => Some(Exception::RestoredLast),
        Writer::LateStep => {
            let is_in_use = in_use(&world.secret).contains(&Some(version));
            (!is_in_use || is_watched(world, user, Work::Set)).then_some(Exception::LateStep)
        }
        Writer::LateStepKilled => Some(Exception::LateStepKilled),
        Writer::Revocation(leaked) => {
            let is_gone = version != leaked && !in_use(&world.secret).contains(&Some(version));
            (is_gone || is_watched(world, user, Work::Revoke)).then_some(Exception::Revocation)
        }
        Writer::RevocationKilled => Some(Exception::RevocationKilled),
        Writer::LateReceipt => Some(Exception::LateReceipt),
        Writer::Person => Some(Exception::ByHand),
    }
}

/// With `single`, the user has the password of another version. If that is AWSPREVIOUS, AWSCURRENT was promoted without its
/// password. That is admitted only if a late step has set the one of AWSPREVIOUS meanwhile.
fn only_user(world: &World, version: Id) -> Option<Exception> {
    let secret = &world.secret;
    let working =
        ids().find(|id| *id != version && secret.login(*id).is_some_and(|login| world.accepts(login)))?;
    let is_previous = secret.previous == Some(working);
    let is_in_use = in_use(secret).contains(&Some(working));
    match (is_in_use, is_previous) {
        (false, true) if version == secret.current => {
            is_restored(world, version).then_some(Exception::SingleLateStep)
        }
        (false, false) => Some(Exception::SingleAbandoned),
        _ => Some(Exception::SingleUser),
    }
}

/// Whether the user of the version has a password that a late step or a revocation has set or restored while it was in use.
fn is_restored(world: &World, version: Id) -> bool {
    let account = world.secret.login(version).and_then(|login| world.account(login.user));
    account.is_some_and(|account| account.writer == Writer::Restored)
}

/// Whether an invocation that has written to the user is about to look again.
fn is_watched(world: &World, user: User, work: Work) -> bool {
    world.invocations.iter().flatten().any(|invocation| {
        let is_about_to = matches!(
            invocation.at,
            At::Grant(Changes { password: true, .. })
                | At::LookAgain(_)
                | At::Restore(..)
                | At::Restored(..)
                | At::Watch(..)
                | At::GiveBack(..)
                | At::GivenBack(..)
        );
        let of_user = world.secret.login(invocation.version).is_some_and(|login| login.user == user);
        invocation.work == work && is_about_to && of_user
    })
}

/// Why AWSCURRENT does not log in: nothing is wrong, an exception, or a violation.
#[must_use]
pub fn of_current(world: &World) -> Verdict {
    if world.current_works() { Verdict::Works } else { Verdict::of(why(world, world.secret.current)) }
}

/// The same for what the cluster holds.
#[must_use]
pub fn of_cluster(world: &World) -> Verdict {
    match world.cluster.holds {
        Some(held) if !world.works(held) => Verdict::of(why(world, held)),
        _ => Verdict::Works,
    }
}

/// Why the user of AWSPENDING has its password and more permissions than the active user.
#[must_use]
pub fn of_pending(world: &World) -> Verdict {
    if !world.has_more() {
        return Verdict::Works;
    }
    let is_restored = world.secret.pending.is_some_and(|pending| is_restored(world, pending));
    Verdict::of(is_restored.then_some(Exception::RestoredEarly))
}

/// Whether a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Works,
    /// It does not, and the design admits it.
    Admitted(Exception),
    /// It does not, and nothing explains it.
    Violated,
}

impl Verdict {
    fn of(why: Option<Exception>) -> Self {
        why.map_or(Self::Violated, Self::Admitted)
    }

    /// The name of the exception.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Admitted(exception) => Some(exception.as_str()),
            Self::Works | Self::Violated => None,
        }
    }

    /// Whether the property holds.
    #[must_use]
    pub fn holds(self) -> bool {
        self != Self::Violated
    }
}

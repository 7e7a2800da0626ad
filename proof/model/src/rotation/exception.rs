//! When AWSCURRENT, or what the cluster holds, may fail to log in. The design admits these cases and no others.

use super::invocation::{At, Work};
use super::world::{Id, User, World, Writer};
use crate::suite::rotation::in_use;

/// A case that the design admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exception {
    /// With `single`, the one user has the pending password between setSecret and finishSecret, and the cluster has the old
    /// one until the delivery.
    SingleUser,
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
    /// finishSecret of an abandoned attempt was so late that another attempt has reset the user between its login and the
    /// promotion. Secrets Manager has no request that moves AWSCURRENT only while AWSPENDING is attached.
    LatePromotion,
    /// A rotation and a roll-back by hand made the same version current again during one delivery. So the delivery did not
    /// notice, and its receipt allows the reset of the user that the cluster has by then.
    LateReceipt,
    /// A person stored a value that does not log in, or moved AWSCURRENT to one.
    ByHand,
}

impl Exception {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SingleUser,
        Self::LateStep,
        Self::LateStepKilled,
        Self::Revocation,
        Self::RevocationKilled,
        Self::LatePromotion,
        Self::LateReceipt,
        Self::ByHand,
    ];

    /// The name in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SingleUser => "single user",
            Self::LateStep => "late step",
            Self::LateStepKilled => "late step, killed",
            Self::Revocation => "revocation",
            Self::RevocationKilled => "revocation, killed",
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
            Self::LateStep => {
                "a late setSecret of an abandoned attempt has reset the user, and restores the password in its next calls, \
                 unless its version is neither AWSCURRENT nor AWSPENDING: then it may have been revoked"
            }
            Self::LateStepKilled => {
                "the same, and the function is killed between the two calls; the next rotation reports `current.login_refused`"
            }
            Self::Revocation => {
                "a rotation has taken the user since the revocation began, and the revocation restores the password in its \
                 next calls"
            }
            Self::RevocationKilled => "the same, and the function is killed between the two calls",
            Self::LatePromotion => {
                "a late finishSecret of an abandoned attempt promotes its version after another attempt has reset the user"
            }
            Self::LateReceipt => {
                "during one delivery, a rotation and a roll-back by hand make the same version current again, so that the next \
                 rotation resets the user that the cluster has"
            }
            Self::ByHand => "a person stored a value that does not log in, or moved AWSCURRENT to one",
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
        Writer::Rotation => world.secret.single.then_some(Exception::SingleUser),
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

/// Whether an invocation that has written to the user is about to look again.
fn is_watched(world: &World, user: User, work: Work) -> bool {
    world.invocations.iter().flatten().any(|invocation| {
        let is_about_to = matches!(
            invocation.at,
            At::Grant(_)
                | At::LookAgain(_)
                | At::Restore(_)
                | At::Restored(_)
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

/// Whether credentials log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They do.
    Works,
    /// They do not, and the design admits it.
    Admitted(Exception),
    /// They do not, and nothing explains it.
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

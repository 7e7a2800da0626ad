//! What people do by hand.

use contract::Kind;

use super::secrets_manager;
use super::world::{Id, Login, Mark, NEEDED, RANDOM, STRANGE, User, Version, WRONG, World, Writer};

/// One thing that a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByHand {
    /// Moves AWSCURRENT back to AWSPREVIOUS, by the playbook: not while a rotation is under way, and after the receipt of that
    /// version is removed.
    RollBack,
    /// Changes the password of AWSCURRENT's user on the broker, and stores it.
    StoreRight,
    /// Stores a password that the broker does not accept.
    StoreWrong,
    /// Stores the credentials of another application's user.
    StoreStrangers,
    /// Revokes a version.
    Revoke(Id),
    /// Cancels the rotation (row C1).
    Cancel,
    /// Removes AWSPENDING from a version that is not AWSCURRENT, when no attempt is in progress.
    RemovePending,
    /// Gives AWSCURRENT's user the stored password on the broker.
    PutRight,
    /// Gives the permission back.
    Permit,
    /// Adopts the user whose turn it is, or AWSCURRENT's.
    Adopt,
    /// Sets the tag `rotation-mq/user`.
    Pin,
}

impl ByHand {
    /// Whether it can be done now.
    #[must_use]
    pub fn is_possible(self, world: &World) -> bool {
        let secret = &world.secret;
        match self {
            Self::RollBack => {
                !secret.is_pending_elsewhere() && secret.previous.is_some_and(|id| secret.login(id).is_some())
            }
            Self::StoreRight | Self::StoreWrong | Self::StoreStrangers => secret.free().is_some(),
            Self::Revoke(id) => id != secret.current && secret.login(id).is_some(),
            Self::Cancel => secret.enabled && world.attempt.is_some(),
            Self::RemovePending => secret.is_pending_elsewhere() && world.attempt.is_none(),
            Self::PutRight | Self::Permit | Self::Adopt | Self::Pin => true,
        }
    }

    /// Does it.
    pub fn act(self, world: &mut World) -> Option<()> {
        let current = world.secret.login(world.secret.current)?;
        match self {
            Self::RollBack => {
                let back = world.secret.previous?;
                // The cluster may have got another version since then.
                world.secret.receipt.take_if(|receipt| *receipt == back);
                world.secret.make_current(back);
                world.secret.pending = None;
            }
            Self::StoreRight => {
                let id = world.secret.free()?;
                world.change(current.user, |account| {
                    (account.password, account.writer) = (id, Writer::Person);
                });
                let login = Login { password: id, ..current };
                secrets_manager::store(world, id, Version::Holds(login));
            }
            Self::StoreWrong => {
                let id = world.secret.free()?;
                secrets_manager::store(world, id, Version::Holds(Login { password: WRONG, ..current }));
            }
            Self::StoreStrangers => {
                let id = world.secret.free()?;
                let login = Login { user: User::Stranger, password: STRANGE };
                secrets_manager::store(world, id, Version::Holds(login));
            }
            // The model begins the invocation.
            Self::Revoke(_) => return None,
            Self::Cancel => {
                world.secret.enabled = false;
                secrets_manager::abandon(world);
                world.attempt = None;
            }
            Self::RemovePending => world.secret.pending = None,
            Self::PutRight => world.write(current.user, current.password, Mark::Ours, Writer::Rotation),
            Self::Permit => world.change(current.user, |account| account.permissions |= NEEDED),
            Self::Adopt => adopt(world, current),
            Self::Pin => world.secret.pin = Some(User::First),
        }
        let moves =
            matches!(self, Self::RollBack | Self::StoreRight | Self::StoreWrong | Self::StoreStrangers);
        if moves && !world.current_works() {
            world.secret.wrong_by_hand |= 1 << world.secret.current;
        }
        Some(())
    }

    /// What the playbook says about a failure that no retry ends.
    #[must_use]
    pub fn playbook(world: &World, kind: Kind) -> Self {
        let current = world.secret.login(world.secret.current).map(|login| login.user);
        let is_marked =
            current.and_then(|user| world.account(user)).is_some_and(|user| user.mark == Mark::Theirs);
        let is_of_pair = matches!(current, Some(User::First | User::Second));
        match kind {
            Kind::CurrentLoginRefused | Kind::CurrentUserMissing if is_of_pair => Self::PutRight,
            Kind::VhostNotPermitted => Self::Permit,
            Kind::PairTaken if is_of_pair && has_moved(world) => Self::Pin,
            Kind::PairTaken if is_of_pair || is_marked => Self::Adopt,
            Kind::PairTaken | Kind::CurrentLoginRefused | Kind::CurrentUserMissing => Self::RollBack,
            _ => Self::RemovePending,
        }
    }
}

/// Whether AWSPREVIOUS is for a user of another pair, and no tag says which one is right.
#[must_use]
pub fn has_moved(world: &World) -> bool {
    let previous = world.secret.previous.and_then(|id| world.secret.login(id));
    world.secret.pin.is_none()
        && previous.is_some_and(|login| !matches!(login.user, User::First | User::Second))
}

/// As the action `adopt`: AWSCURRENT's user keeps its password if it has another secret's mark, and the other user gets a
/// random one.
fn adopt(world: &mut World, current: Login) {
    if world.account(current.user).is_some_and(|account| account.mark == Mark::Theirs) {
        world.change(current.user, |account| (account.mark, account.is_theirs) = (Mark::Ours, false));
        return;
    }
    let other = if current.user == User::First { User::Second } else { User::First };
    if world.account(other).is_some() {
        world.write(other, RANDOM, Mark::Ours, Writer::Person);
        world.change(other, |account| account.is_theirs = false);
    }
}

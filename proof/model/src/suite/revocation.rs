//! What `revokePrevious` decides.

use rotation_mq::ownership::{self, Claim};
use rotation_mq::pair::Pair;
use rotation_mq::steps::revoke_previous::plan;

pub use rotation_mq::steps::revoke_previous::plan::{Plan, Restoration, Staged};

use super::{OURS, name, remembered, user_tags, value, versions};
use crate::rotation::world::{Id, Login, Mark, Secret, User};

/// Whether the labels forbid it: [`plan::staged`].
#[must_use]
pub fn staged(secret: &Secret, version: Id) -> Option<Staged> {
    plan::staged(&versions(secret), name(version))
}

/// What happens to the user: [`plan::plan`]. None if it is refused.
#[must_use]
pub fn plan(current: Login, leaked: Login, single: bool, base: User) -> Option<Plan> {
    remembered!((current, leaked, single, base), (Login, Login, bool, User) => Option<Plan>,
        plan::plan(value(current, single), value(leaked, single), &Pair::of(base.name())).ok())
}

/// What the mark of the user proves: [`ownership::of_user`]. None if it is refused.
#[must_use]
pub fn of_user(mark: Mark) -> Option<Claim> {
    ownership::of_user(&OURS, &user_tags(mark))
}

/// Whether a user that a rotation has taken gets that version's password: [`plan::restoration`].
#[must_use]
pub fn restoration(current: Login, leaked: Login, taken: Login, single: bool) -> Restoration {
    remembered!((current, leaked, taken, single), (Login, Login, Login, bool) => Restoration,
        plan::restoration(value(current, single), value(leaked, single), value(taken, single), false))
}

//! What the four steps decide.

use std::collections::BTreeMap;

use contract::Strategy;
use rotation_mq::event::StepName;
use rotation_mq::grants::{self, Change, Grants, Permission};
use rotation_mq::ownership::{self, Claim, PairOnBroker};
use rotation_mq::pair::{self, Pair};
use rotation_mq::turn;
use rotation_mq::version_state::{self, Decision};

use super::{OURS, name, remembered, tags, user_tags, value, versions};
use crate::rotation::world::{Account, EXTRA, Id, Login, Mark, NEEDED, Secret, User};

/// The labels, as a key: the only part of the secret that the preamble reads.
type Labels = (Id, Option<Id>, Option<Id>, bool);

fn labels(secret: &Secret) -> Labels {
    (secret.current, secret.previous, secret.pending, secret.enabled)
}

/// The preamble: [`version_state::decide`].
#[must_use]
pub fn decide(step: StepName, secret: &Secret, token: Id) -> Decision {
    remembered!((step.as_str(), labels(secret), token), (&'static str, Labels, Id) => Decision,
        version_state::decide(step, secret.enabled, &versions(secret), name(token)))
}

/// Whether a version that was written may still be used: [`version_state::Versions::stands`].
#[must_use]
pub fn stands(secret: &Secret, token: Id, from: Id) -> bool {
    remembered!((labels(secret), token, from), (Labels, Id, Id) => bool,
        versions(secret).stands(name(token), name(from)))
}

/// The versions whose user may be in use, in the order of [`version_state::IN_USE`].
#[must_use]
pub fn in_use(secret: &Secret) -> [Option<Id>; 2] {
    remembered!(labels(secret), Labels => [Option<Id>; 2], {
        let versions = versions(secret);
        version_state::IN_USE.map(|stage| versions.with_stage(stage).and_then(super::id))
    })
}

/// The first user of the secret's pair: [`Pair::of_secret`]. None if the step is refused.
#[must_use]
pub fn pair(pin: Option<User>, current: User, previous: Option<User>) -> Option<User> {
    remembered!((pin, current, previous), (Option<User>, User, Option<User>) => Option<User>, {
        let previous = if pin.is_some() { None } else { previous.map(User::name) };
        Pair::of_secret(pin.map(User::name), current.name(), previous).ok().and_then(|pair| User::of(pair.base()))
    })
}

/// The user that follows: [`pair::next_user`].
#[must_use]
pub fn next_user(current: Login, single: bool, base: User) -> Option<User> {
    remembered!((current, single, base), (Login, bool, User) => Option<User>,
        pair::next_user(value(current, single), &Pair::of(base.name())).ok().and_then(|next| User::of(&next)))
}

/// Whether a pending value may follow: [`pair::check_pending`].
#[must_use]
pub fn fits(current: Login, pending: Login, single: bool, expected: User) -> bool {
    remembered!((current, pending, single, expected), (Login, Login, bool, User) => bool,
        pair::check_pending(value(current, single), value(pending, single), expected.name()).is_ok())
}

/// Whether two users take turns.
#[must_use]
pub fn alternates(login: Login, single: bool) -> bool {
    value(login, single).strategy() == Strategy::Alternating
}

/// Whether both are the same credentials: [`pair::same_credentials`].
#[must_use]
pub fn same_credentials(one: Login, other: Login, single: bool) -> bool {
    pair::same_credentials(value(one, single), value(other, single))
}

/// Whether the marks prove whose the users are: [`ownership::claim`]. None if the step is refused.
#[must_use]
pub fn claim(active: (User, Mark), next: (User, Option<Mark>)) -> Option<Claim> {
    remembered!((active, next), ((User, Mark), (User, Option<Mark>)) => Option<Claim>, {
        let (active_tags, next_tags) = (user_tags(active.1), next.1.map(user_tags));
        let pair = PairOnBroker {
            active: active.0.name(),
            active_tags: &active_tags,
            next: next.0.name(),
            next_tags: next_tags.as_ref(),
        };
        ownership::claim(&OURS, pair).ok()
    })
}

/// Whether setSecret must not reset the other user: [`turn::is_undelivered`].
#[must_use]
pub fn is_undelivered(secret: &Secret, receipt: Option<Id>, current: Id) -> bool {
    remembered!((secret.routed, receipt, current), (bool, Option<Id>, Id) => bool,
        turn::is_undelivered(&tags(None, secret.routed, receipt, None), name(current)))
}

/// What setSecret changes, before and after the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Changes {
    /// Permissions to remove first.
    pub remove_first: u8,
    /// Whether to write password, tags and mark.
    pub password: bool,
    /// Permissions to add afterwards.
    pub add: u8,
    /// Permissions to remove afterwards.
    pub remove_last: u8,
    /// The version that was AWSCURRENT when it was decided.
    pub from: Id,
    /// Whether a late receipt allowed it.
    pub by_late_receipt: bool,
}

/// The plan of grants and its order, without what the step adds: [`grants::plan`], [`turn::around_the_password`], [`turn::writes_password`].
#[must_use]
pub fn changes(active: Account, inactive: Option<Account>, pending_logs_in: bool) -> Changes {
    let key = (active.permissions, inactive.map(|user| (user.permissions, user.mark)), pending_logs_in);
    remembered!(key, (u8, Option<(u8, Mark)>, bool) => Changes, {
        let mark = inactive.map_or(Mark::None, |user| user.mark);
        let there = inactive.map_or_else(Grants::default, |user| grants(user.permissions, user.mark));
        let plan = grants::plan(&grants(active.permissions, active.mark), &there);
        let reset = turn::is_to_be_reset(inactive.is_some(), pending_logs_in);
        let (first, last) = turn::around_the_password(&plan, reset);
        let sum = |changes: &[&Change], granted: bool| {
            changes.iter().filter_map(|change| bit(change, granted)).fold(0, |all, one| all | one)
        };
        Changes {
            remove_first: sum(&first, false),
            password: turn::writes_password(pending_logs_in, &plan, &OURS, &user_tags(mark)),
            add: sum(&last, true),
            remove_last: sum(&last, false),
            from: 0,
            by_late_receipt: false,
        }
    })
}

/// Whether both users have the same grants, as testSecret and finishSecret require.
#[must_use]
pub fn equal_grants(active: Account, inactive: Account) -> bool {
    remembered!((active.permissions, inactive.permissions), (u8, u8) => bool,
        grants::plan(&grants(active.permissions, Mark::None), &grants(inactive.permissions, Mark::None))
            == grants::Plan::default())
}

/// Whether the user loses a password: [`turn::is_to_be_reset`].
#[must_use]
pub fn is_to_be_reset(exists: bool, pending_logs_in: bool) -> bool {
    turn::is_to_be_reset(exists, pending_logs_in)
}

const VHOSTS: [(u8, &str); 2] = [(NEEDED, "/"), (EXTRA, "extra")];

fn grants(permissions: u8, mark: Mark) -> Grants {
    let all = || ".*".to_owned();
    let vhosts = VHOSTS.into_iter().filter(|(bit, _)| permissions & bit != 0);
    let permissions: BTreeMap<_, _> = vhosts
        .map(|(_, vhost)| (vhost.to_owned(), Permission { configure: all(), write: all(), read: all() }))
        .collect();
    Grants { tags: user_tags(mark), permissions, ..Grants::default() }
}

/// The permission that a change adds or removes.
fn bit(change: &Change, granted: bool) -> Option<u8> {
    let vhost = match change {
        Change::GrantVhost(vhost, _) if granted => vhost,
        Change::RevokeVhost(vhost) if !granted => vhost,
        _ => return None,
    };
    VHOSTS.into_iter().find(|(_, known)| known == vhost).map(|(bit, _)| bit)
}

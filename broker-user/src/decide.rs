//! Decides what a request changes on the broker, from what the secret and the broker hold. Pure.
//!
//! The function writes only to users of the secret's own pair: one that does not exist, one with the mark of the secret
//! ([`rotation_mq::ownership`]), or one that logs in with a version of the secret.

use contract::{BrokerAddress, SecretValue, Strategy};
use rotation_mq::grants::{ADMINISTRATOR_TAG, Change, Grants, PROTECTED_TAG, plan};
use rotation_mq::ownership::{Mark, Taken};
use rotation_mq::pair::Pair;

use crate::properties::Identity;

mod refusal;

pub use refusal::Refusal;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The user may not exist yet, or it exists without the password of AWSCURRENT, for example because its secret was
    /// restored. It gets this password.
    Create,
    /// The user exists. No password changes.
    Update,
}

/// A user as the broker holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What is granted to it.
    pub grants: Grants,
    /// Whether a version of this secret logs in as it: AWSCURRENT as the active user, AWSPREVIOUS as the other one.
    pub logs_in: bool,
    /// Whether this request has written its tags already. Not every broker keeps a mark, or shows what it stores.
    pub is_settled: bool,
}

/// The users of a pair on the broker. With `single`, there is no other user.
#[derive(Debug, Clone, Copy)]
pub struct OnBroker<'a> {
    /// AWSCURRENT's user.
    pub active: &'a str,
    /// None if it does not exist.
    pub active_account: Option<&'a Account>,
    /// The user that takes turns with it.
    pub other: &'a str,
    /// None if it does not exist: a rotation will create it.
    pub other_account: Option<&'a Account>,
}

/// What to do with the tags and the password of a user, which one request writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Nothing.
    Keep,
    /// Create the user with the password of AWSCURRENT.
    Create,
    /// Write the password of AWSCURRENT.
    SetCurrent,
    /// Write the tags with the password that the broker stores.
    SetTags,
}

/// What to do with one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPlan {
    /// The user.
    pub user: String,
    /// Its tags and password.
    pub login: Login,
    /// Its other grants, in the order in which they must be changed.
    pub changes: Vec<Change>,
}

impl UserPlan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.login == Login::Keep && self.changes.is_empty()
    }

    /// Whether it changes a user that exists.
    #[must_use]
    pub fn changes_an_existing_user(&self) -> bool {
        self.login != Login::Create && !self.is_nothing()
    }

    /// Whether all it does is to give permissions in vhosts where the user had none. Nothing that exists changes.
    #[must_use]
    pub fn only_grants(&self) -> bool {
        self.login == Login::Keep && self.changes.iter().all(Change::is_addition)
    }
}

/// Which pair a request is about.
///
/// # Errors
/// When the properties name another broker or another user than the secret, or nobody can manage the user.
pub fn pair_of(identity: &Identity, pin: Option<&str>, current: &SecretValue) -> Result<Pair, Refusal> {
    let broker = broker_name(current.broker());
    if broker != identity.broker {
        return Err(Refusal::OtherBroker { expected: broker.to_owned() });
    }
    if current.admin_secret().is_none() {
        return Err(Refusal::WithoutAdmin);
    }
    let base = identity.username.as_str();
    match pin {
        Some(pin) if pin != base => return Err(Refusal::OtherUser { expected: pin.to_owned() }),
        // Without a tag, a rotation would take this name for the second user of another pair.
        None if base.ends_with("_clone") => return Err(Refusal::SecondUser),
        _ => {}
    }
    Pair::of_secret(Some(base), current.username(), None).map_err(Refusal::Taken)
}

/// The name of a broker in properties and physical ids. A broker has only one, because another name would be another
/// resource, and CloudFormation would delete the users under the first one.
#[must_use]
pub fn broker_name(address: &BrokerAddress) -> &str {
    match address {
        BrokerAddress::Id(id) => id,
        BrokerAddress::Endpoints { host, .. } => host,
    }
}

/// Whether the user is the admin, or the user that takes turns with the admin.
#[must_use]
pub fn is_of_admin(user: &str, admin: &str) -> bool {
    user == admin || Pair::of(admin.strip_suffix("_clone").unwrap_or(admin)).has(user)
}

/// Whether the application could open the vhost of its secret, without which it cannot rotate either. A user without any
/// permission is no mistake: somebody gives them later.
///
/// # Errors
/// [`Refusal::VhostNotPermitted`].
pub fn check_vhost(wanted: &Grants, vhost: &str) -> Result<(), Refusal> {
    if wanted.permissions.is_empty() || wanted.permissions.contains_key(vhost) {
        Ok(())
    } else {
        Err(Refusal::VhostNotPermitted { vhost: vhost.to_owned() })
    }
}

/// What to do with the users of the pair, the active one first. Applications log in as that user.
///
/// An update that has nothing to write is never refused because of a login. Otherwise the rollback of an update, which sends
/// the old properties, would fail as well, and the stack with it.
///
/// # Errors
/// When one of the users is not this secret's, or must not be touched.
pub fn decide(
    wanted: &Grants,
    mark: &Mark,
    purpose: Purpose,
    strategy: Strategy,
    on_broker: OnBroker<'_>,
) -> Result<Vec<UserPlan>, Refusal> {
    let OnBroker { active, active_account, other, other_account } = on_broker;
    let other_account = other_account.filter(|_| strategy == Strategy::Alternating);
    for (user, account) in [(active, active_account), (other, other_account)] {
        if let Some(account) = account {
            check_owner(mark, user, account)?;
        }
    }
    let may_set_password = |account: &Account| purpose == Purpose::Create || account.is_settled;
    let is_refused = active_account.is_some_and(|account| !account.logs_in && !may_set_password(account));
    let mut plans = vec![match active_account {
        None => UserPlan {
            user: active.to_owned(),
            login: Login::Create,
            changes: plan(wanted, &Grants::default()).changes,
        },
        Some(account) => {
            let needs_password = !account.logs_in && !is_refused;
            let is_to_be_set = needs_password || tags_differ(wanted, mark, account);
            user_plan(wanted, active, account, is_to_be_set.then_some(Login::SetCurrent))
        }
    }];
    if let Some(account) = other_account {
        let login = tags_differ(wanted, mark, account).then_some(Login::SetTags);
        plans.push(user_plan(wanted, other, account, login));
    }
    if is_refused && !plans.iter().all(UserPlan::is_nothing) {
        return Err(Refusal::LoginRefused { user: active.to_owned() });
    }
    Ok(plans)
}

/// Whether the function may write to the user.
fn check_owner(mark: &Mark, user: &str, account: &Account) -> Result<(), Refusal> {
    let tags = &account.grants.tags;
    if let Some(tag) = [PROTECTED_TAG, ADMINISTRATOR_TAG].into_iter().find(|tag| tags.contains(*tag)) {
        return Err(Refusal::Special { user: user.to_owned(), tag });
    }
    if let Some(other) = mark.foreign_in(tags) {
        return Err(Refusal::Taken(Taken::OtherSecret { user: user.to_owned(), mark: other.to_owned() }));
    }
    if mark.is_in(tags) || account.logs_in || account.is_settled {
        Ok(())
    } else {
        Err(Refusal::Taken(Taken::Unproved { user: user.to_owned() }))
    }
}

fn user_plan(wanted: &Grants, user: &str, account: &Account, login: Option<Login>) -> UserPlan {
    UserPlan {
        user: user.to_owned(),
        login: login.unwrap_or(Login::Keep),
        changes: plan(wanted, &account.grants).changes,
    }
}

/// Whether the tags or the mark are to be written. They are written once for each request.
fn tags_differ(wanted: &Grants, mark: &Mark, account: &Account) -> bool {
    let differ = plan(wanted, &account.grants).tags.is_some() || !mark.is_in(&account.grants.tags);
    differ && !account.is_settled
}

#[cfg(test)]
mod tests;

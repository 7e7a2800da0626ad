//! Whose turn it is, and what a rotation would refuse of the values and of the users.

use contract::Tags;
use rand::rngs::ThreadRng;

use super::facts::{Account, Facts};
use super::finding;
use super::versions::ReadVersion;
use crate::Rotation;
use crate::broker_access::BrokerAccess;
use crate::error::RotationError;
use crate::ownership::{PairOnBroker, makes_an_administrator};
use crate::pair::{self, Pair};
use crate::password;
use crate::secret_store::{Description, StoreError, Version};
use crate::version_state::{AWSCURRENT, AWSPENDING, AWSPREVIOUS};

/// Whose turn it is, from the current value. What a rotation would refuse of the values becomes a problem.
pub fn turn(
    rotation: &Rotation,
    description: &Description,
    read: &[ReadVersion],
    facts: &mut Facts,
) -> Option<Turn> {
    let of = |stage: &str| read.iter().find(|version| version.has(stage));
    let current = of(AWSCURRENT)?.version.as_ref()?;
    let value = &current.value;
    facts.strategy = Some(value.strategy());
    let active = value.username().to_owned();
    let secret = || description.arn.clone();
    let previous = of(AWSPREVIOUS).and_then(|version| version.version.as_ref());
    let previous = previous.map(|version| version.value.username());
    let pair = match Pair::of_secret(description.tags.get(Tags::USER), &active, previous) {
        Ok(pair) => pair,
        Err(source) => {
            facts.problems.push(finding(&RotationError::PairTaken { secret: secret(), source }));
            return Some(Turn { next: active.clone(), active });
        }
    };
    let next = match pair::next_user(value, &pair) {
        Ok(next) => next,
        Err(source) => {
            let (secret, user) = (secret(), active.clone());
            facts.problems.push(finding(&RotationError::UserName { secret, user, source }));
            return Some(Turn { next: active.clone(), active });
        }
    };
    let new = password::generate(rotation.config.password_length, &mut ThreadRng::default());
    if let Err(source) = value.with_credentials(&pair.users(), next.clone(), new) {
        let source = StoreError::Invalid { version: current.id.clone(), source };
        let what = "renew the credentials in";
        facts.problems.push(finding(&RotationError::Secret { what, secret: secret(), source }));
    }
    let pending = of(AWSPENDING).filter(|pending| !pending.has(AWSCURRENT));
    if let Some(pending) = pending.and_then(|pending| pending.version.as_ref())
        && let Err(source) = pair::check_pending(value, &pending.value, &next)
    {
        let (secret, version) = (secret(), pending.id.clone());
        facts.problems.push(finding(&RotationError::PendingStale { secret, version, source }));
    }
    Some(Turn { active, next })
}

/// AWSCURRENT's user, and the user that the next version is for. With `single`, they are the same.
pub struct Turn {
    active: String,
    next: String,
}

impl Turn {
    /// Both users, or the only one.
    pub fn users(&self) -> Vec<&str> {
        let mut users = vec![self.active.as_str(), self.next.as_str()];
        users.dedup();
        users
    }

    /// What setSecret would refuse because of the admin.
    pub fn refusals(
        &self,
        rotation: &Rotation,
        access: &BrokerAccess<'_>,
        current: &Version,
        facts: &mut Facts,
    ) {
        if let Err(error) = access.refuse_to_reset_the_admin(&current.value, &self.next) {
            facts.problems.push(finding(&error));
        }
        if would_make_an_administrator(facts)
            && let Some(prefix) = rotation.config.prefixes.other_than_admin(&facts.secret_arn)
        {
            let error = RotationError::AdministratorOutsidePrefix {
                secret: facts.secret_arn.clone(),
                active: self.active.clone(),
                user: self.next.clone(),
                prefix: prefix.to_owned(),
            };
            facts.problems.push(finding(&error));
        }
    }
}

/// Whether the next rotation would make a user an administrator that is not one.
fn would_make_an_administrator(facts: &Facts) -> bool {
    let [active, next] = facts.users.as_slice() else { return false };
    let Account::Exists(grants) = &active.account else { return false };
    let next_tags = match &next.account {
        Account::Unknown => return false,
        Account::Missing => None,
        Account::Exists(grants) => Some(&grants.tags),
    };
    let (active, active_tags, next) = (active.name.as_str(), &grants.tags, next.name.as_str());
    makes_an_administrator(PairOnBroker { active, active_tags, next, next_tags })
}

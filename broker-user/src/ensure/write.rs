//! Writes what was decided for a user.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::rngs::ThreadRng;
use rotation_mq::error::RotationError;
use rotation_mq::grants::{Change, Grants};
use rotation_mq::management_api::ApiError;
use rotation_mq::password::{self, StoredPassword};
use rotation_mq::steps::nodes;

use super::read::Held;
use crate::decide::{Login, Purpose, UserPlan};
use crate::error::BrokerUserError;
use crate::found::Found;
use crate::undo::Undo;

/// What a plan has done to the tags and the password of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing.
    Nothing,
    /// They are written as well as this broker allows.
    Login,
    /// Somebody else has written the password since it was read. The plan was given up, and the next one must be made from
    /// what the broker holds now.
    Raced,
}

/// Writes to the users of one secret.
pub(super) struct Writer<'w, 'u> {
    pub(super) found: &'w Found<'u>,
    pub(super) grants: &'w Grants,
    pub(super) purpose: Purpose,
    pub(super) undo: &'w Undo<'u>,
}

impl Writer<'_, '_> {
    /// Makes the checks that only the broker can answer, before the first write.
    ///
    /// # Errors
    /// When a vhost does not exist, or no request can name it.
    pub(super) async fn check(&self, plans: &[UserPlan]) -> Result<(), BrokerUserError> {
        let admin = self.found.admin();
        for plan in plans {
            for change in &plan.changes {
                if let Some(error) = admin.unnameable(change) {
                    return Err(RotationError::broker(&format!("{change} for"), &plan.user)(error).into());
                }
            }
        }
        let user = self.found.active();
        for vhost in new_vhosts(plans) {
            let exists = admin.vhost_exists(vhost).await;
            let exists = exists.map_err(RotationError::broker("look up a vhost for", user))?;
            if !exists {
                return Err(BrokerUserError::VhostMissing { user: user.to_owned(), vhost: vhost.to_owned() });
            }
        }
        Ok(())
    }

    /// Carries out a plan.
    ///
    /// If the password changes, the user must not have more permissions than it should when it gets the new one. A user that
    /// does not exist yet has none.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub(super) async fn write(&self, plan: &UserPlan, held: Option<&Held>) -> Result<Written, RotationError> {
        let (first, last): (Vec<&Change>, Vec<&Change>) =
            plan.changes.iter().partition(|change| plan.login != Login::Create && !change.is_addition());
        for change in first {
            self.apply(&plan.user, change, false).await?;
        }
        let written = self.write_login(plan, held).await?;
        if written == Written::Raced {
            return Ok(written);
        }
        for change in last {
            self.apply(&plan.user, change, plan.login != Login::Keep).await?;
        }
        Ok(written)
    }

    /// Every password that is written is that of AWSCURRENT, or the one that the broker stores already.
    async fn write_login(&self, plan: &UserPlan, held: Option<&Held>) -> Result<Written, RotationError> {
        let Found { description, current, mark, .. } = self.found;
        let user = plan.user.as_str();
        let (admin, tags) = (self.found.admin(), &self.grants.tags);
        match (plan.login, held) {
            (Login::Keep, _) | (Login::SetTags, None) => return Ok(Written::Nothing),
            (Login::SetTags, Some(held)) => {
                let Some(stored) = self.stored_again(user, held).await? else { return Ok(Written::Raced) };
                let written = admin.put_tags(user, tags, mark, &stored).await;
                if !written.map_err(RotationError::broker("set the tags of", user))? {
                    tracing::warn!(
                        broker.user = user,
                        "the broker does not show what it stores for `{user}`, so its tags stay as they are until the next \
                         rotation, which sets them with the password"
                    );
                    return Ok(Written::Login);
                }
            }
            (Login::Create | Login::SetCurrent, _) => {
                let hash = password::hash(current.value.password(), &mut ThreadRng::default());
                if plan.login == Login::Create && self.purpose == Purpose::Create {
                    self.undo.note(Arc::clone(&self.found.access), mark, user, &hash);
                }
                let written = admin.put_user(user, tags, mark, &hash).await;
                written.map_err(RotationError::broker("set the password of", user))?;
            }
        }
        let what = match plan.login {
            Login::Create => "created",
            _ => "tags set",
        };
        tracing::info!(secret.arn = description.arn, broker.user = user, "user `{user}`: {what}");
        Ok(Written::Login)
    }

    /// What the broker stores for the user a moment before it is written again. None if that is not what was read: a
    /// revocation or a rotation has set another password, and the former one must not come back.
    async fn stored_again(&self, user: &str, held: &Held) -> Result<Option<StoredPassword>, RotationError> {
        let again = self.found.admin().user(user).await;
        let again = again.map_err(RotationError::broker("read the password hash again of", user))?;
        let stored = again.map(|again| again.password).filter(|stored| stored.is_same_as(&held.stored));
        if stored.is_none() {
            tracing::warn!(
                broker.user = user,
                "somebody else has changed the password of `{user}`; its tags wait"
            );
        }
        Ok(stored)
    }

    /// A load balancer may lead to a node that does not know yet a user that `was_just_written`.
    async fn apply(&self, user: &str, change: &Change, was_just_written: bool) -> Result<(), RotationError> {
        let admin = self.found.admin();
        let may_lag = |applied: &Result<(), ApiError>| {
            was_just_written && applied.as_ref().is_err_and(ApiError::may_be_a_lagging_node)
        };
        let applied = nodes::agree(async || admin.apply(user, change).await, may_lag).await;
        applied.map_err(RotationError::broker(&format!("{change} for"), user))?;
        tracing::info!(secret.arn = self.found.description.arn, broker.user = user, "for `{user}`: {change}");
        Ok(())
    }
}

/// The vhosts in which a user gets a permission that it did not have. The broker knows the others.
fn new_vhosts(plans: &[UserPlan]) -> BTreeSet<&str> {
    plans.iter().flat_map(|plan| &plan.changes).filter_map(new_vhost).collect()
}

fn new_vhost(change: &Change) -> Option<&str> {
    match change {
        Change::GrantVhost(vhost, _) | Change::GrantTopic((vhost, _), _) => Some(vhost),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rotation_mq::grants::{Permission, TopicPermission};

    use super::*;

    #[test]
    fn the_broker_is_asked_about_vhosts_in_which_a_user_gets_something_new() {
        let permission =
            || Permission { configure: String::new(), write: String::new(), read: String::new() };
        let topic = TopicPermission { write: String::new(), read: String::new() };
        let plan = |changes| UserPlan { user: "payment".to_owned(), login: Login::Keep, changes };
        let plans = [
            plan(vec![
                Change::RevokeVhost("/gone".to_owned()),
                Change::ReplaceVhost("/known".to_owned(), permission()),
                Change::GrantTopic(("/topics".to_owned(), "amq.topic".to_owned()), topic),
                Change::GrantVhost("/new".to_owned(), permission()),
            ]),
            plan(vec![Change::GrantVhost("/new".to_owned(), permission())]),
        ];
        assert_eq!(new_vhosts(&plans).into_iter().collect::<Vec<_>>(), ["/new", "/topics"]);
    }
}

//! Waits for the end of a rotation. A rotation compares the grants of both users, and one of them gets another password.

use std::time::Duration;

use tokio::time::Instant;

use crate::decide::{Refusal, UserPlan};
use crate::error::BrokerUserError;

/// A rotation takes seconds. One that failed is tried again by Secrets Manager hours later.
pub const LONGEST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(2);

/// The wait of one request.
#[derive(Debug, Default)]
pub struct Wait {
    gives_up_at: Option<Instant>,
}

impl Wait {
    /// Waits a moment for the end of the rotation that is making `version` of `secret`.
    ///
    /// # Errors
    /// [`BrokerUserError::RotationUnderWay`] if the request has waited long enough.
    pub async fn pause(&mut self, secret: &str, version: &str) -> Result<(), BrokerUserError> {
        let gives_up_at = *self.gives_up_at.get_or_insert_with(|| Instant::now() + LONGEST);
        if Instant::now() + PAUSE > gives_up_at {
            return Err(BrokerUserError::RotationUnderWay {
                secret: secret.to_owned(),
                version: version.to_owned(),
            });
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

/// Whether a request with this decision has to wait while a rotation is under way. A new user is in nobody's way. Nor is a
/// permission in another vhost: a stuck rotation may wait for it. With `single`, AWSCURRENT does not log in while a rotation
/// is under way.
#[must_use]
pub fn must_wait(decided: &Result<Vec<UserPlan>, Refusal>) -> bool {
    match decided {
        Ok(plans) => plans.iter().any(|plan| plan.changes_an_existing_user() && !plan.only_grants()),
        Err(Refusal::LoginRefused { .. }) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use rotation_mq::grants::{Change, Permission};

    use super::*;
    use crate::decide::Login;

    #[test]
    fn only_a_change_of_a_user_that_exists_waits() {
        let plan = |login, changes| UserPlan { user: "payment".to_owned(), login, changes };
        let permission =
            || Permission { configure: String::new(), write: String::new(), read: "^payment".to_owned() };
        let grant = || Change::GrantVhost("/orders".to_owned(), permission());
        let replace = Change::ReplaceVhost("/".to_owned(), permission());
        let revoke = || Change::RevokeVhost("/".to_owned());
        let change = || vec![revoke()];
        let refused = |user: &str| Err(Refusal::LoginRefused { user: user.to_owned() });
        for (decided, expected, what) in [
            (Ok(vec![plan(Login::Create, change())]), false, "a new user"),
            (Ok(vec![plan(Login::Keep, vec![])]), false, "nothing to do"),
            (Ok(vec![plan(Login::Keep, change())]), true, "a revocation"),
            (Ok(vec![plan(Login::Keep, vec![grant()])]), false, "a permission in another vhost"),
            (
                Ok(vec![plan(Login::Keep, vec![grant()]), plan(Login::Keep, vec![grant()])]),
                false,
                "a permission in another vhost for both users",
            ),
            (Ok(vec![plan(Login::Keep, vec![revoke(), grant()])]), true, "a revocation beside a permission"),
            (Ok(vec![plan(Login::Keep, vec![replace])]), true, "another pattern"),
            (Ok(vec![plan(Login::SetTags, vec![grant()])]), true, "tags beside a permission"),
            (Ok(vec![plan(Login::SetCurrent, vec![grant()])]), true, "a password beside a permission"),
            (Ok(vec![plan(Login::SetTags, vec![])]), true, "tags"),
            (
                Ok(vec![plan(Login::Keep, vec![]), plan(Login::Keep, change())]),
                true,
                "grants of the other user",
            ),
            (refused("payment"), true, "with `single`, the rotation has set the next password"),
            (Err(Refusal::SecondUser), false, "another refusal"),
        ] {
            assert_eq!(must_wait(&decided), expected, "{what}");
        }
    }

    #[tokio::test]
    async fn a_wait_ends() {
        let mut wait = Wait { gives_up_at: Some(Instant::now()) };
        let error = wait.pause("arn", "version").await.err();
        assert!(matches!(error, Some(BrokerUserError::RotationUnderWay { .. })), "{error:?}");
    }
}

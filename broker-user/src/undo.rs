//! Deletes the user that a failed Create has created. Otherwise, the user would have the mark of a secret that the rollback
//! deletes, and the next deployment would be refused.

use std::sync::{Arc, Mutex, PoisonError};

use rotation_mq::broker_access::BrokerAccess;
use rotation_mq::error::RotationError;
use rotation_mq::management_api::User;
use rotation_mq::ownership::Mark;

use crate::error::BrokerUserError;

/// What a request has created. It is read if the request fails or runs out of time.
#[derive(Default)]
pub struct Undo<'a>(Mutex<Vec<Created<'a>>>);

/// A user that did not exist before. It is noted before the request that creates it, whose answer may be lost.
#[derive(Clone)]
struct Created<'a> {
    /// The broker and its admin. The secret is not read again: the rollback may have deleted it already.
    access: Arc<BrokerAccess<'a>>,
    /// The mark of the secret.
    mark: Mark,
    user: String,
    /// The hash that was written. Its salt is random, so another request writes another one.
    hash: String,
}

impl<'a> Undo<'a> {
    /// Notes a user that is about to be created.
    pub fn note(&self, access: Arc<BrokerAccess<'a>>, mark: &Mark, user: &str, hash: &str) {
        let created = Created { access, mark: mark.clone(), user: user.to_owned(), hash: hash.to_owned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(created);
    }

    fn all(&self) -> Vec<Created<'a>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is nothing to undo.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }
}

/// Deletes what the request has created, unless somebody else has written to it meanwhile.
///
/// # Errors
/// When the broker cannot be asked. The user may exist then.
pub async fn undo(noted: &Undo<'_>) -> Result<(), BrokerUserError> {
    for Created { access, mark, user, hash } in noted.all() {
        // Nothing is noted for a secret that is an administrator's own.
        let Some(admin) = access.admin() else { continue };
        let found = admin.user(&user).await.map_err(RotationError::broker("look again at", &user))?;
        if found.is_some_and(|found| is_ours_alone(&found, &mark, &hash)) {
            admin.delete_user(&user).await.map_err(RotationError::broker("delete", &user))?;
            tracing::warn!(broker.user = user, "user `{user}`, which this request had created, is deleted");
        }
    }
    Ok(())
}

/// Whether the user is as this request has left it: no other request and no rotation has written its password.
fn is_ours_alone(found: &User, mark: &Mark, hash: &str) -> bool {
    mark.is_in(&found.grants.tags) && !found.password.differs_from(hash)
}

#[cfg(test)]
mod tests {
    use rotation_mq::grants::Grants;
    use rotation_mq::password::StoredPassword;

    use super::*;

    #[test]
    fn only_what_nobody_else_has_written_is_deleted() {
        let mark =
            Mark::of("arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf");
        for (tag, stored, expected, what) in [
            (mark.to_string(), "ours", true, "as this request has left it"),
            (mark.to_string(), "theirs", false, "another request has created it, too"),
            (mark.to_string(), "", true, "a broker that shows no hash"),
            ("secret-0123456789abcdef".to_owned(), "ours", false, "adopted by another secret"),
            ("reporting".to_owned(), "ours", false, "without the mark"),
        ] {
            let grants = Grants { tags: [tag].into(), ..Grants::default() };
            let password = StoredPassword::new("sha256".to_owned(), stored.to_owned());
            assert_eq!(is_ours_alone(&User { grants, password }, &mark, "ours"), expected, "{what}");
        }
    }
}

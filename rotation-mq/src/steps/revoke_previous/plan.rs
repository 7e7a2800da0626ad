//! What revoking a version means, or why it is refused. Pure.

use contract::{SecretValue, Strategy};

use crate::pair::{self, Pair};
use crate::version_state::{AWSCURRENT, AWSPENDING, Versions};

/// What happens to the user of the leaked version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is not the user of AWSCURRENT. It gets a password that nobody knows.
    Scramble,
    /// It is the user of AWSCURRENT, and the rotation has replaced its password already (`single`).
    CloseOnly,
}

/// Why the staging labels of a version forbid to revoke it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    /// The secret has no such version.
    Unknown,
    /// It is AWSCURRENT.
    Current,
    /// It is AWSPENDING.
    Pending,
}

/// Whether the labels of `version` forbid to revoke it.
#[must_use]
pub fn staged(versions: &Versions, version: &str) -> Option<Staged> {
    if !versions.knows(version) {
        Some(Staged::Unknown)
    } else if versions.with_stage(AWSCURRENT) == Some(version) {
        Some(Staged::Current)
    } else if versions.with_stage(AWSPENDING) == Some(version) {
        Some(Staged::Pending)
    } else {
        None
    }
}

/// Whether the user of `leaked` may be changed. A version may name any user of the broker, but a secret has only its own
/// pair.
///
/// # Errors
/// Why it may not.
pub fn plan(current: &SecretValue, leaked: &SecretValue, pair: &Pair) -> Result<Plan, String> {
    let user = leaked.username();
    if leaked.broker() != current.broker() {
        return Err("it is for another broker than the current version".to_owned());
    }
    if !pair.has(user) {
        let own = current.username();
        return Err(format!(
            "its user `{user}` is not of this secret's pair (see the tag `rotation-mq/user`, or the user `{own}`)"
        ));
    }
    if user != current.username() {
        return Ok(Plan::Scramble);
    }
    if pair::same_credentials(current, leaked) {
        return Err("AWSCURRENT has the same user and the same password; rotate the secret first".to_owned());
    }
    match current.strategy() {
        Strategy::Single => Ok(Plan::CloseOnly),
        Strategy::Alternating => Err("its user is the one of AWSCURRENT; rotate the secret first".to_owned()),
    }
}

/// What happens to a user that AWSCURRENT or AWSPENDING names by the time its password was made random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restoration {
    /// It gets the password of that version back.
    Restore,
    /// It keeps the random password: the version has the leaked one.
    IsLeaked,
    /// It keeps the random password, for this reason.
    Refuse(&'static str),
}

/// Whether the user of `leaked` gets the password in `taken`, the value that a staging label names since the revocation
/// began.
///
/// Anyone who can store a value or move a label may have done so on purpose. The leaked password is never set again,
/// regardless of which version has it. Another password is set only if the value may follow `current`, the value that was
/// AWSCURRENT when the revocation began, as the value of a rotation does. It is never set `for_foreign_administrator`, an
/// administrator whose secret is not an admin secret. So the user belongs to the secret, and nobody gains more than the
/// secret gives them.
#[must_use]
pub fn restoration(
    current: &SecretValue,
    leaked: &SecretValue,
    taken: &SecretValue,
    for_foreign_administrator: bool,
) -> Restoration {
    if pair::same_credentials(leaked, taken) {
        Restoration::IsLeaked
    } else if pair::check_pending(current, taken, leaked.username()).is_err() {
        Restoration::Refuse("that value does not follow what was AWSCURRENT when the revocation began")
    } else if for_foreign_administrator {
        Restoration::Refuse("the user is an administrator and the secret is not an admin secret")
    } else {
        Restoration::Restore
    }
}

#[cfg(test)]
mod tests {
    use contract::SecretValueError;
    use serde_json::{Value, json};

    use super::*;

    fn value(changes: &Value) -> Result<SecretValue, SecretValueError> {
        let mut value = json!({
            "engine": "rabbitmq", "username": "payment", "password": "new", "brokerId": "b-1",
            "masterarn": "arn:aws:secretsmanager:x:1:secret:admin-AbCdEf",
        });
        for (field, change) in changes.as_object().into_iter().flatten() {
            value[field] = change.clone();
        }
        SecretValue::parse(&value.to_string())
    }

    #[test]
    fn only_a_user_of_the_pair_that_is_not_in_use_is_touched() -> Result<(), SecretValueError> {
        let pair = Pair::of("payment");
        let single = json!({"rotationStrategy": "single"});
        let clone_single = json!({"username": "payment_clone", "rotationStrategy": "single"});
        let old = json!({"password": "old"});
        let cases = [
            ("the user before", json!({"username": "payment_clone"}), old.clone(), Ok(Plan::Scramble)),
            ("turned single on the clone", clone_single, old.clone(), Ok(Plan::Scramble)),
            ("single", single.clone(), old.clone(), Ok(Plan::CloseOnly)),
            ("the same user, alternating", json!({}), old.clone(), Err("AWSCURRENT")),
            (
                "single, the same password in another vhost",
                single,
                json!({"vhost": "shop"}),
                Err("same password"),
            ),
            ("somebody else's user", json!({}), json!({"username": "billing"}), Err("`billing` is not of")),
            ("another broker", json!({}), json!({"brokerId": "b-2"}), Err("another broker")),
        ];
        for (what, current, leaked, expected) in cases {
            let found = plan(&value(&current)?, &value(&leaked)?, &pair);
            match expected {
                Ok(expected) => assert_eq!(found, Ok(expected), "{what}"),
                Err(words) => assert!(found.as_ref().is_err_and(|e| e.contains(words)), "{what}: {found:?}"),
            }
        }
        Ok(())
    }

    #[test]
    fn the_leaked_password_is_never_restored_whichever_version_has_it() -> Result<(), SecretValueError> {
        let current = value(&json!({"username": "payment_clone"}))?;
        let leaked = value(&json!({"password": "leaked"}))?;
        let other = json!({"password": "leaked", "vhost": "shop"});
        for (what, taken, administrator, expected) in [
            ("the leaked version itself", json!({"password": "leaked"}), false, Some("leaked")),
            ("the leaked version of an administrator", json!({"password": "leaked"}), true, Some("leaked")),
            ("a version with the leaked password that was stored later", other, false, Some("leaked")),
            ("a rotation's value", json!({"password": "newest"}), false, None),
            ("a value for an administrator", json!({"password": "own"}), true, Some("administrator")),
            ("what no rotation stores", json!({"password": "own", "vhost": "shop"}), false, Some("follow")),
            ("another user", json!({"username": "payment_clone", "password": "own"}), false, Some("follow")),
        ] {
            let found = restoration(&current, &leaked, &value(&taken)?, administrator);
            match (expected, found) {
                (None, Restoration::Restore) | (Some("leaked"), Restoration::IsLeaked) => {}
                (Some(words), Restoration::Refuse(reason)) if reason.contains(words) => {}
                (_, other) => panic!("{what}: {other:?}"),
            }
        }
        Ok(())
    }
}

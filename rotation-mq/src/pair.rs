//! The two users of an alternating pair, and whether a pending value fits the current one. Pure.

use contract::{SecretValue, Strategy};

const CLONE_SUFFIX: &str = "_clone";
/// Amazon MQ: 2 to 100 characters, alphanumeric and `-`, `.`, `_`.
/// <https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-basic-elements-users.html>
const USER_NAME_LENGTHS: std::ops::RangeInclusive<usize> = 2..=100;

/// Why a user name cannot be rotated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// Amazon MQ refuses the name.
    #[error("the user name must have 2 to 100 characters, alphanumeric and `-`, `.`, `_`")]
    Malformed,
    /// The name leaves no room for the second user of the pair.
    #[error("the user name is too long to add `_clone` for the second user (100 characters at most)")]
    NoRoomForClone,
}

/// The user that the version after `current` is for.
///
/// # Errors
/// When Amazon MQ would refuse the current name or the next.
pub fn next_user(current: &SecretValue) -> Result<String, UserNameError> {
    let name = current.username();
    let is_legal = name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if !is_legal || !USER_NAME_LENGTHS.contains(&name.len()) {
        return Err(UserNameError::Malformed);
    }
    match current.strategy() {
        Strategy::Single => Ok(name.to_owned()),
        Strategy::Alternating => {
            let next = alternate(name);
            if USER_NAME_LENGTHS.contains(&next.len()) {
                Ok(next)
            } else {
                Err(UserNameError::NoRoomForClone)
            }
        }
    }
}

/// `payment` for `payment_clone`, and the other way round.
fn alternate(name: &str) -> String {
    match name.strip_suffix(CLONE_SUFFIX) {
        Some(original) => original.to_owned(),
        None => format!("{name}{CLONE_SUFFIX}"),
    }
}

/// Why a pending value can never become right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// Another user than the one whose turn it is, for example because AWSCURRENT moved meanwhile.
    #[error("it is for user `{found}`, but after `{current}` it is the turn of `{expected}`")]
    User {
        /// The pending value's user.
        found: String,
        /// The current user.
        current: String,
        /// The user whose turn it is.
        expected: String,
    },
    /// AWSCURRENT names another broker now.
    #[error("it is for the broker `{found}`, but the secret is for `{expected}` now")]
    Broker {
        /// The pending value's broker.
        found: String,
        /// The current one.
        expected: String,
    },
    /// AWSCURRENT has another vhost, admin secret or strategy now.
    #[error("its `vhost`, `masterarn` or `rotationStrategy` is not that of the current version any more")]
    Settings,
}

/// Whether `pending` is a value that may follow `current`, whose next user is `expected`.
///
/// # Errors
/// Says what does not fit.
pub fn check_pending(current: &SecretValue, pending: &SecretValue, expected: &str) -> Result<(), Stale> {
    if pending.username() != expected {
        return Err(Stale::User {
            found: pending.username().to_owned(),
            current: current.username().to_owned(),
            expected: expected.to_owned(),
        });
    }
    if pending.broker() != current.broker() {
        return Err(Stale::Broker {
            found: pending.broker().to_string(),
            expected: current.broker().to_string(),
        });
    }
    let same_settings = pending.vhost() == current.vhost()
        && pending.admin_secret() == current.admin_secret()
        && pending.strategy() == current.strategy();
    if same_settings { Ok(()) } else { Err(Stale::Settings) }
}

/// Whether both values log in as the same user with the same password: the temporary version of a
/// test-only rotation may be a copy of the current one.
#[must_use]
pub fn same_credentials(one: &SecretValue, other: &SecretValue) -> bool {
    one.username() == other.username() && one.password().is_same_as(other.password())
}

#[cfg(test)]
mod tests {
    use contract::{Password, SecretValueError};
    use serde_json::json;

    use super::*;

    fn value(username: &str, strategy: &str, broker: &str) -> Result<SecretValue, SecretValueError> {
        SecretValue::parse(
            &json!({
                "engine": "rabbitmq", "username": username, "password": "x", "brokerId": broker,
                "rotationStrategy": strategy, "masterarn": "arn:aws:secretsmanager:x:1:secret:admin-AbCdEf",
            })
            .to_string(),
        )
    }

    #[test]
    fn users_of_a_pair_take_turns_and_a_single_user_stays() -> Result<(), SecretValueError> {
        for (strategy, current, next) in [
            ("alternating", "payment", "payment_clone"),
            ("alternating", "payment_clone", "payment"),
            ("single", "payment", "payment"),
            ("single", "payment_clone", "payment_clone"),
        ] {
            assert_eq!(
                next_user(&value(current, strategy, "b-1")?),
                Ok(next.to_owned()),
                "{strategy} {current}"
            );
        }
        Ok(())
    }

    #[test]
    fn names_that_amazon_mq_refuses_are_refused_first() -> Result<(), SecretValueError> {
        let longest = "u".repeat(94);
        let too_long = "u".repeat(95);
        for (name, expected) in [
            ("p", Some(UserNameError::Malformed)),
            ("_clone", Some(UserNameError::NoRoomForClone)),
            ("pay ment", Some(UserNameError::Malformed)),
            ("pay/ment", Some(UserNameError::Malformed)),
            ("zahlung-ä", Some(UserNameError::Malformed)),
            (&too_long, Some(UserNameError::NoRoomForClone)),
            (&longest, None),
        ] {
            assert_eq!(next_user(&value(name, "alternating", "b-1")?).err(), expected, "{name}");
        }
        assert!(next_user(&value(&"u".repeat(100), "single", "b-1")?).is_ok());
        Ok(())
    }

    #[test]
    fn a_pending_value_for_another_user_or_broker_is_stale() -> Result<(), SecretValueError> {
        let current = value("payment", "alternating", "b-1")?;
        let fitting = current.with_credentials("payment_clone".to_owned(), Password::new("y".to_owned()));
        assert_eq!(check_pending(&current, &fitting, "payment_clone"), Ok(()));
        let same_user = current.with_credentials("payment".to_owned(), Password::new("y".to_owned()));
        assert!(matches!(check_pending(&current, &same_user, "payment_clone"), Err(Stale::User { .. })));
        let other_broker = value("payment_clone", "alternating", "b-2")?;
        assert!(matches!(check_pending(&current, &other_broker, "payment_clone"), Err(Stale::Broker { .. })));
        let other_strategy = value("payment_clone", "single", "b-1")?;
        assert_eq!(check_pending(&current, &other_strategy, "payment_clone"), Err(Stale::Settings));
        Ok(())
    }
}

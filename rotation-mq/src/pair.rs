//! The two users of a secret's pair, and whether a pending value fits the current one. Pure.

use contract::{SecretValue, Strategy};

use crate::grants::is_unnameable;
use crate::ownership::Taken;

const CLONE_SUFFIX: &str = "_clone";
/// AMQP sends a name as a short string. The broker decides on stricter rules. For example, Amazon MQ's own API does not
/// accept `svc@example.com`, but the broker's management API does.
const USER_NAME_LIMIT: usize = 255;

/// Why a user name cannot be rotated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// No login or no URL can hold the name.
    #[error(
        "the user name must have 1 to 255 bytes, must not contain `:` or control characters, and must not be `.` or `..`: \
         no login or no URL can hold such a name"
    )]
    Malformed,
    /// The name leaves no room for the second user of the pair.
    #[error("the user name is too long to add `_clone` for the second user (255 bytes at most)")]
    NoRoomForClone,
}

/// The two users of a secret, `payment` and `payment_clone`. Only one of them is used with `single`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    base: String,
    clone: String,
}

impl Pair {
    /// The pair with this first user.
    #[must_use]
    pub fn of(base: &str) -> Self {
        Self { base: base.to_owned(), clone: format!("{base}{CLONE_SUFFIX}") }
    }

    /// The pair that a secret is for. `pin`, the tag `rotation-mq/user`, names it. Without the tag, it is the pair that the
    /// users of AWSCURRENT and AWSPREVIOUS share: anyone who may write a value must not be able to choose the user.
    ///
    /// # Errors
    /// [`Taken::NotOfPair`] and [`Taken::Moved`] if AWSCURRENT is for another user.
    pub fn of_secret(pin: Option<&str>, current: &str, previous: Option<&str>) -> Result<Self, Taken> {
        if let Some(base) = pin {
            let pair = Self::of(base);
            return if pair.has(current) {
                Ok(pair)
            } else {
                Err(Taken::NotOfPair { user: current.to_owned(), base: base.to_owned() })
            };
        }
        let pair = Self::of(current.strip_suffix(CLONE_SUFFIX).unwrap_or(current));
        match previous.filter(|previous| !pair.has(previous)) {
            None => Ok(pair),
            Some(previous) => Err(Taken::Moved { user: current.to_owned(), previous: previous.to_owned() }),
        }
    }

    /// The first user. The secret is pinned to its name.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Both users.
    #[must_use]
    pub fn users(&self) -> [&str; 2] {
        [&self.base, &self.clone]
    }

    /// Whether `user` is one of the two.
    #[must_use]
    pub fn has(&self, user: &str) -> bool {
        self.users().contains(&user)
    }

    /// The user that takes turns with `user`.
    #[must_use]
    pub fn other(&self, user: &str) -> &str {
        if user == self.clone { &self.base } else { &self.clone }
    }
}

/// Whether a login and a URL can hold the name of a user.
///
/// # Errors
/// [`UserNameError::Malformed`] if not.
pub fn check_user_name(name: &str) -> Result<(), UserNameError> {
    let is_legal = !is_unnameable(name) && !name.chars().any(|c| c == ':' || c.is_control());
    if is_legal && name.len() <= USER_NAME_LIMIT { Ok(()) } else { Err(UserNameError::Malformed) }
}

/// The user that the version after `current` is for.
///
/// # Errors
/// When no login or no URL can hold the current name or the next one.
pub fn next_user(current: &SecretValue, pair: &Pair) -> Result<String, UserNameError> {
    let name = current.username();
    check_user_name(name)?;
    match current.strategy() {
        Strategy::Single => Ok(name.to_owned()),
        Strategy::Alternating => {
            let next = pair.other(name);
            match next.len() {
                0 => Err(UserNameError::Malformed),
                1..=USER_NAME_LIMIT => Ok(next.to_owned()),
                _ => Err(UserNameError::NoRoomForClone),
            }
        }
    }
}

/// Why a pending value can never be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// It is for a user whose turn it is not, for example because AWSCURRENT moved meanwhile.
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
    #[error("its `vhost`, `masterarn` or `rotationStrategy` differs from that of the current version")]
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

/// Whether both values log in as the same user with the same password. The temporary version of a test-only rotation may
/// be a copy of the current one.
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
                next_user(&value(current, strategy, "b-1")?, &Pair::of("payment")),
                Ok(next.to_owned()),
                "{strategy} {current}"
            );
        }
        Ok(())
    }

    #[test]
    fn the_pair_of_a_secret_is_configuration_and_not_what_its_value_says() {
        let pair = |base: &str| Ok(Pair::of(base));
        let not_of = |user: &str, base: &str| Err(Taken::NotOfPair { user: user.into(), base: base.into() });
        let moved =
            |user: &str, previous: &str| Err(Taken::Moved { user: user.into(), previous: previous.into() });
        for (pin, current, previous, expected) in [
            (None, "payment", None, pair("payment")),
            (None, "payment_clone", Some("payment"), pair("payment")),
            (None, "payment", Some("payment"), pair("payment")),
            (None, "ops", Some("payment"), moved("ops", "payment")),
            (None, "ops", Some("payment_clone"), moved("ops", "payment_clone")),
            (Some("payment"), "payment_clone", Some("ops"), pair("payment")),
            (Some("payment"), "ops", None, not_of("ops", "payment")),
            (Some("payment"), "payment_clone_clone", None, not_of("payment_clone_clone", "payment")),
            (Some("appq_clone"), "appq_clone", None, pair("appq_clone")),
            (Some("appq_clone"), "appq", None, not_of("appq", "appq_clone")),
            (Some(""), "payment", None, not_of("payment", "")),
        ] {
            assert_eq!(Pair::of_secret(pin, current, previous), expected, "{pin:?} {current} {previous:?}");
        }
    }

    #[test]
    fn a_user_whose_own_name_ends_in_clone_has_a_clone_of_its_own_when_it_is_pinned() {
        let pair = Pair::of("appq_clone");
        assert_eq!(pair.other("appq_clone"), "appq_clone_clone");
        assert_eq!(pair.other("appq_clone_clone"), "appq_clone");
        assert!(!pair.has("appq"));
    }

    #[test]
    fn names_that_no_login_can_carry_are_refused_first() -> Result<(), SecretValueError> {
        let longest = "u".repeat(249);
        let too_long = "u".repeat(250);
        for (name, expected) in [
            ("", Some(UserNameError::Malformed)),
            (".", Some(UserNameError::Malformed)),
            ("..", Some(UserNameError::Malformed)),
            ("pay:ment", Some(UserNameError::Malformed)),
            ("pay\u{0}ment", Some(UserNameError::Malformed)),
            ("pay\nment", Some(UserNameError::Malformed)),
            ("_clone", Some(UserNameError::Malformed)),
            (&too_long, Some(UserNameError::NoRoomForClone)),
            (&longest, None),
            ("p", None),
            ("svc@example.com", None),
            ("svc payment", None),
            ("team/payment", None),
            ("zahlung-ä", None),
        ] {
            let pair = Pair::of(name.strip_suffix("_clone").unwrap_or(name));
            let Ok(value) = value(name, "alternating", "b-1") else {
                assert!(name.is_empty(), "{name}");
                continue;
            };
            assert_eq!(next_user(&value, &pair).err(), expected, "{name}");
        }
        let longest = "u".repeat(255);
        assert!(next_user(&value(&longest, "single", "b-1")?, &Pair::of(&longest)).is_ok());
        Ok(())
    }

    #[test]
    fn a_pending_value_for_another_user_or_broker_is_stale() -> Result<(), SecretValueError> {
        let current = value("payment", "alternating", "b-1")?;
        let fitting =
            current.with_credentials(&[], "payment_clone".to_owned(), Password::new("y".to_owned()))?;
        assert_eq!(check_pending(&current, &fitting, "payment_clone"), Ok(()));
        let same_user = current.with_credentials(&[], "payment".to_owned(), Password::new("y".to_owned()))?;
        assert!(matches!(check_pending(&current, &same_user, "payment_clone"), Err(Stale::User { .. })));
        let other_broker = value("payment_clone", "alternating", "b-2")?;
        assert!(matches!(check_pending(&current, &other_broker, "payment_clone"), Err(Stale::Broker { .. })));
        let other_strategy = value("payment_clone", "single", "b-1")?;
        assert_eq!(check_pending(&current, &other_strategy, "payment_clone"), Err(Stale::Settings));
        Ok(())
    }
}

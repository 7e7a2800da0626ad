//! What revoking a version means, or why it is refused. Pure.

use contract::{SecretValue, Strategy};

use crate::pair::{self, Pair};

/// What happens to the user of the leaked version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// It is not the one of AWSCURRENT: it gets a password that nobody knows.
    Scramble,
    /// It is the one of AWSCURRENT, whose password the rotation has replaced already (`single`).
    CloseOnly,
}

/// Whether the user of `leaked` may be touched at all: a version may name any user of the broker, and its secret has a
/// pair of its own.
pub(super) fn plan(current: &SecretValue, leaked: &SecretValue, pair: &Pair) -> Result<Plan, String> {
    let user = leaked.username();
    if leaked.broker() != current.broker() {
        return Err("it is for another broker than the current version".to_owned());
    }
    if !pair.has(user) {
        let own = current.username();
        return Err(format!(
            "its user `{user}` is not of this secret's pair, that of the tag `rotation-mq/user` or of `{own}`"
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
}

//! Decides which users of a pair a deletion removes. Pure.

use std::collections::BTreeSet;

use rotation_mq::grants::{ADMINISTRATOR_TAG, PROTECTED_TAG};
use rotation_mq::ownership::Mark;
use rotation_mq::pair::Pair;

use crate::decide::is_of_admin;
use crate::event::Id;
use crate::properties::GUEST;

/// What a deletion does with one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// The user does not exist.
    Gone,
    /// Delete it.
    Remove,
    /// Keep it.
    Keep(&'static str),
}

/// Why a deletion does not look at the broker at all.
///
/// A Create without an answer until its `ServiceTimeout` may have created the user or not. If the secret has had only one
/// value, a user with its mark is new. If the secret has rotated before, an application may use the user: it stays.
#[must_use]
pub fn reason_to_keep_all(id: Id, has_previous_value: bool, is_on_broker: bool) -> Option<&'static str> {
    if !is_on_broker {
        Some("the secret is for another broker now")
    } else if id == Id::MadeUp && has_previous_value {
        Some("its Create got no answer, and the secret has rotated before")
    } else {
        None
    }
}

/// What to do with `user`, which has these tags. `pin` is the user in the secret's tag, if it is not the first user of
/// this pair: then the secret is for another pair, and its users may be the same.
#[must_use]
pub fn removal(
    user: &str,
    tags: Option<&BTreeSet<String>>,
    mark: &Mark,
    admin: Option<&str>,
    pin: Option<&str>,
) -> Removal {
    let Some(tags) = tags else { return Removal::Gone };
    if user == GUEST {
        Removal::Keep("it is RabbitMQ's own user")
    } else if tags.contains(PROTECTED_TAG) {
        Removal::Keep("it is protected")
    } else if tags.contains(ADMINISTRATOR_TAG) || admin.is_some_and(|admin| is_of_admin(user, admin)) {
        Removal::Keep("it is an administrator")
    } else if mark.foreign_in(tags).is_some() {
        Removal::Keep("it belongs to another secret")
    } else if !mark.is_in(tags) {
        Removal::Keep("it does not have the mark of this secret")
    } else if pin.is_some_and(|base| Pair::of(base).has(user)) {
        Removal::Keep("the secret is for this user now")
    } else {
        Removal::Remove
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
    const THEIRS: &str = "secret-0123456789abcdef";

    #[test]
    fn only_users_with_the_mark_of_the_secret_are_removed() {
        let mark = Mark::of(ARN);
        let ours = mark.to_string();
        let ours = ours.as_str();
        for (user, tags, pin, expected) in [
            ("payment", None, None, "gone"),
            ("payment", Some(vec![ours]), None, "removed"),
            ("payment_clone", Some(vec!["reporting", ours]), None, "removed"),
            ("payment", Some(vec![]), None, "does not have the mark"),
            ("payment", Some(vec!["reporting"]), None, "does not have the mark"),
            ("payment", Some(vec![THEIRS]), None, "another secret"),
            ("payment", Some(vec![ours, THEIRS]), None, "another secret"),
            ("payment", Some(vec![ours, "protected"]), None, "protected"),
            ("payment", Some(vec![ours, "administrator"]), None, "administrator"),
            ("guest", Some(vec![ours]), None, "RabbitMQ's own"),
            ("admin", Some(vec![ours]), None, "administrator"),
            ("admin_clone", Some(vec![ours]), None, "administrator"),
            ("payment_clone", Some(vec![ours]), Some("payment_clone"), "for this user now"),
            ("payment", Some(vec![ours]), Some("payment_clone"), "removed"),
        ] {
            let tags: Option<BTreeSet<String>> =
                tags.map(|tags| tags.into_iter().map(str::to_owned).collect());
            let found = match removal(user, tags.as_ref(), &mark, Some("admin"), pin) {
                Removal::Gone => "gone",
                Removal::Remove => "removed",
                Removal::Keep(why) => why,
            };
            assert!(found.contains(expected), "{user} {tags:?} {pin:?}: {found}");
        }
    }

    #[test]
    fn a_deletion_with_an_id_of_cloudformation_removes_only_new_users() {
        for (id, has_previous_value, is_on_broker, keeps_all) in [
            (Id::Ours, false, true, false),
            (Id::Ours, true, true, false),
            (Id::MadeUp, false, true, false),
            (Id::MadeUp, true, true, true),
            (Id::Ours, false, false, true),
            (Id::MadeUp, false, false, true),
        ] {
            let reason = reason_to_keep_all(id, has_previous_value, is_on_broker);
            assert_eq!(reason.is_some(), keeps_all, "{id:?} {has_previous_value} {is_on_broker}");
        }
    }
}

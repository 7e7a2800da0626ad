//! Decides which users of a pair a deletion removes. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use rotation_mq::grants::{ADMINISTRATOR_TAG, PROTECTED_TAG};
use rotation_mq::ownership::Mark;
use rotation_mq::pair::Pair;
use rotation_mq::version_state::Versions;

use crate::decide::is_of_admin;
use crate::event::Id;
use crate::found::pending;
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

/// A secret that is younger than this may come from the deployment that is rolled back: CloudFormation waits no longer than
/// an hour for a Create.
pub const NEW: Duration = Duration::from_hours(1);

/// What is known of a secret before the broker is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// Whether it was created less than [`NEW`] ago.
    pub is_new: bool,
    /// Whether it has had another value before.
    pub has_previous_value: bool,
    /// Whether it is for the broker of the request.
    pub is_on_broker: bool,
}

/// Why a deletion does not look at the broker at all.
///
/// A Create that was cancelled or got no answer may have created the user, or may have found it. The users of a new secret
/// with one value are new as well, unless the secret is for a user that existed before. If the secret is older or has rotated,
/// or if a user has open connections, an application may use it: it stays.
#[must_use]
pub fn reason_to_keep_all(id: Id, secret: Secret) -> Option<&'static str> {
    if !secret.is_on_broker {
        Some("the secret is for another broker now")
    } else if id == Id::MadeUp && secret.has_previous_value {
        Some("its Create got no answer, and the secret has rotated before")
    } else if id == Id::MadeUp && !secret.is_new {
        Some("its Create got no answer, and the secret is older than the deployment")
    } else {
        None
    }
}

/// Whether a deletion looks once more after a pause, because somebody may still write to the pair: a step of a rotation that
/// has begun, or a Create that CloudFormation does not wait for any more.
#[must_use]
pub fn may_be_in_flight(id: Id, versions: &Versions) -> bool {
    id == Id::MadeUp || pending(versions).is_some()
}

/// Whether a secret that was created at this time (milliseconds since 1970) is new.
#[must_use]
pub fn is_new(created_at_ms: Option<i64>, now_ms: i64) -> bool {
    let age_ms = created_at_ms.and_then(|created| u64::try_from(now_ms.saturating_sub(created).max(0)).ok());
    age_ms.is_some_and(|age| Duration::from_millis(age) < NEW)
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
        for (id, is_new, has_previous_value, is_on_broker, keeps_all) in [
            (Id::Ours, true, false, true, false),
            (Id::Ours, false, true, true, false),
            (Id::MadeUp, true, false, true, false),
            (Id::MadeUp, true, true, true, true),
            (Id::MadeUp, false, false, true, true),
            (Id::MadeUp, false, true, true, true),
            (Id::Ours, true, false, false, true),
            (Id::MadeUp, true, false, false, true),
        ] {
            let secret = Secret { is_new, has_previous_value, is_on_broker };
            assert_eq!(reason_to_keep_all(id, secret).is_some(), keeps_all, "{id:?} {secret:?}");
        }
    }

    fn versions(list: &[(&str, &[&str])]) -> Versions {
        let of = |stages: &&[&str]| stages.iter().map(|stage| (*stage).to_owned()).collect::<Vec<String>>();
        list.iter().map(|(id, stages)| ((*id).to_owned(), of(stages))).collect()
    }

    #[test]
    fn a_deletion_looks_again_while_something_may_be_in_flight() {
        let settled = versions(&[("1", &["AWSPREVIOUS"]), ("2", &["AWSCURRENT"])]);
        let ended = versions(&[("1", &["AWSPREVIOUS"]), ("2", &["AWSCURRENT", "AWSPENDING"])]);
        let rotating = versions(&[("1", &["AWSCURRENT"]), ("2", &["AWSPENDING"])]);
        for (id, versions, expected) in [
            (Id::Ours, &settled, false),
            (Id::Ours, &ended, false),
            (Id::Ours, &rotating, true),
            (Id::MadeUp, &settled, true),
            (Id::MadeUp, &rotating, true),
        ] {
            assert_eq!(may_be_in_flight(id, versions), expected, "{id:?} {versions:?}");
        }
    }

    #[test]
    fn a_secret_is_new_for_an_hour() {
        const HOUR_MS: i64 = 3_600_000;
        for (created, expected) in [
            (Some(HOUR_MS * 10), true),
            (Some(HOUR_MS * 9 + 1), true),
            (Some(HOUR_MS * 9), false),
            (Some(HOUR_MS * 11), true),
            (Some(i64::MIN), false),
            (None, false),
        ] {
            assert_eq!(is_new(created, HOUR_MS * 10), expected, "{created:?}");
        }
    }
}

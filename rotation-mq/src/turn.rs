//! What a turn does to the user that gets the pending password, decided from what the broker and the secret show. Pure.

use std::collections::BTreeSet;

use contract::Tags;

use crate::grants::{Change, Plan};
use crate::ownership::Mark;

/// Whether the user whose turn it is loses a password: it exists, and does not have the pending one yet.
#[must_use]
pub fn is_to_be_reset(exists: bool, pending_logs_in: bool) -> bool {
    exists && !pending_logs_in
}

/// The rule of the receipt: whether the cluster is not known to hold `current`, the version that is AWSCURRENT. Then
/// production may still log in as the other user, which must keep its password. A secret that is not routed has no receipt.
#[must_use]
pub fn is_undelivered(tags: &Tags, current: &str) -> bool {
    tags.is_routed() && tags.delivered() != Some(current)
}

/// Whether the request that sets password, tags and mark is needed. `tags` are those of the user.
#[must_use]
pub fn writes_password(pending_logs_in: bool, plan: &Plan, mark: &Mark, tags: &BTreeSet<String>) -> bool {
    !pending_logs_in || plan.tags.is_some() || !mark.is_in(tags)
}

/// The changes to make before the password is set, and those to make afterwards.
///
/// Anyone who reads AWSPENDING can use the password as soon as it is set. By then, the user must not have more permissions
/// than the active one. A user that does not exist yet has none.
#[must_use]
pub fn around_the_password(plan: &Plan, is_to_be_reset: bool) -> (Vec<&Change>, Vec<&Change>) {
    plan.changes.iter().partition(|change| is_to_be_reset && !change.is_addition())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Permission;

    #[test]
    fn only_a_routed_secret_without_the_receipt_of_its_current_version_is_undelivered() {
        for (routed, receipt, expected) in [
            (false, None, false),
            (false, Some("old"), false),
            (true, None, true),
            (true, Some("old"), true),
            (true, Some("current"), false),
        ] {
            let namespace = routed.then_some((Tags::NAMESPACE, "shop"));
            let tags = namespace.into_iter().chain(receipt.map(|version| (Tags::DELIVERED, version)));
            let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(is_undelivered(&tags, "current"), expected, "{routed} {receipt:?}");
        }
    }

    #[test]
    fn the_password_is_written_unless_password_tags_and_mark_are_there() {
        let mark =
            Mark::of("arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf");
        let (marked, unmarked) = (BTreeSet::from([mark.to_string()]), BTreeSet::new());
        let same = Plan::default();
        let other = Plan { tags: Some(BTreeSet::new()), ..Plan::default() };
        for (pending_logs_in, plan, tags, expected) in [
            (true, &same, &marked, false),
            (false, &same, &marked, true),
            (true, &other, &marked, true),
            (true, &same, &unmarked, true),
        ] {
            assert_eq!(writes_password(pending_logs_in, plan, &mark, tags), expected);
        }
    }

    #[test]
    fn a_user_that_exists_loses_what_it_has_too_much_before_it_gets_the_password() {
        let all = || ".*".to_owned();
        let permission = Permission { configure: all(), write: all(), read: all() };
        let (removal, addition) =
            (Change::RevokeVhost("shop".to_owned()), Change::GrantVhost("/".to_owned(), permission));
        let plan = Plan { tags: None, changes: vec![removal.clone(), addition.clone()] };
        assert_eq!(around_the_password(&plan, true), (vec![&removal], vec![&addition]));
        assert_eq!(around_the_password(&plan, false), (vec![], vec![&removal, &addition]));
    }
}

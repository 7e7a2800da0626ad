use proptest::collection::{btree_map, btree_set};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

use super::*;

/// A broker's reading of a whole plan, for one user.
fn apply_all(grants: &mut Grants, plan: Plan) {
    if let Some(tags) = plan.tags {
        grants.tags = tags;
    }
    for change in plan.changes {
        apply(grants, change);
    }
}

/// A broker's reading of a change, for one user.
fn apply(grants: &mut Grants, change: Change) {
    match change {
        Change::GrantTopic(exchange, topic) => drop(grants.topic_permissions.insert(exchange, topic)),
        Change::ReplaceVhost(vhost, permission) | Change::GrantVhost(vhost, permission) => {
            drop(grants.permissions.insert(vhost, permission));
        }
        Change::SetLimit(name, value) => drop(grants.limits.insert(name, value)),
        Change::RevokeVhost(vhost) => drop(grants.permissions.remove(&vhost)),
        Change::RevokeTopic(exchange) => drop(grants.topic_permissions.remove(&exchange)),
        Change::ClearTopics(vhost) => grants.topic_permissions.retain(|(other, _), _| *other != vhost),
        Change::ClearLimit(name) => drop(grants.limits.remove(&name)),
    }
}

/// Grants over so few names that two of them overlap often.
fn any_grants() -> impl Strategy<Value = Grants> {
    let tag = "(administrator|monitoring|management|protected|secret-0123456789abcdef)";
    let permission =
        ("[ab]", "[ab]", "[ab]").prop_map(|(configure, write, read)| Permission { configure, write, read });
    let topic = ("[ab]", "[ab]").prop_map(|(write, read)| TopicPermission { write, read });
    (
        btree_set(tag, 0..3),
        btree_map("(/|shop|tenant)", permission, 0..4),
        btree_map(("(/|shop)", "(amq.topic|events||\\.|\\.\\.)"), topic, 0..5),
        btree_map("(max-connections|max-channels)", 0_i64..3, 0..3),
    )
        .prop_map(|(tags, permissions, topic_permissions, limits)| Grants {
            tags,
            permissions,
            topic_permissions,
            limits,
        })
}

fn without_protected(grants: &Grants) -> Grants {
    Grants { tags: copied_tags(&grants.tags), ..grants.clone() }
}

proptest! {
    #[test]
    fn applying_the_plan_always_reaches_parity_and_a_second_plan_is_empty(active in any_grants(), inactive in any_grants()) {
        let mut user = inactive.clone();
        apply_all(&mut user, plan(&active, &inactive));
        prop_assert_eq!(without_protected(&user), without_protected(&active));
        prop_assert_eq!(plan(&active, &user), Plan::default());
        prop_assert_eq!(user.tags.contains("protected"), inactive.tags.contains("protected"));
    }

    #[test]
    fn an_interrupted_plan_is_finished_by_the_next(active in any_grants(), inactive in any_grants(), done in 0_usize..12, is_tagged in any::<bool>()) {
        let mut user = inactive.clone();
        let Plan { tags, mut changes } = plan(&active, &inactive);
        changes.truncate(done);
        apply_all(&mut user, Plan { tags: tags.filter(|_| is_tagged), changes });
        let next = plan(&active, &user);
        apply_all(&mut user, next);
        prop_assert_eq!(plan(&active, &user), Plan::default());
    }

    #[test]
    fn a_new_user_is_never_allowed_more_than_the_active_one_on_the_way(active in any_grants()) {
        let mut user = Grants::default();
        for change in plan(&active, &Grants::default()).changes {
            apply(&mut user, change);
            for vhost in user.permissions.keys() {
                for (exchange, topic) in active.topic_permissions.iter().filter(|((v, _), _)| v == vhost) {
                    prop_assert_eq!(user.topic_permissions.get(exchange), Some(topic));
                }
            }
        }
    }

    #[test]
    fn before_its_password_is_known_an_old_user_is_allowed_nothing_that_the_active_one_is_not(active in any_grants(), inactive in any_grants()) {
        let mut user = inactive.clone();
        let mut additions = false;
        for change in plan(&active, &inactive).changes {
            // The changes after the password only add permissions.
            prop_assert!(!additions || change.is_addition(), "{}", change);
            additions |= change.is_addition();
            if !change.is_addition() {
                apply(&mut user, change);
            }
        }
        for (vhost, permission) in &user.permissions {
            prop_assert_eq!(active.permissions.get(vhost), Some(permission));
        }
        prop_assert_eq!(&user.topic_permissions, &active.topic_permissions);
        prop_assert_eq!(&user.limits, &active.limits);
    }

    #[test]
    fn only_what_the_active_user_lacks_is_removed(active in any_grants(), inactive in any_grants()) {
        for change in plan(&active, &inactive).changes {
            match change {
                Change::RevokeVhost(vhost) => prop_assert!(!active.permissions.contains_key(&vhost)),
                Change::ClearTopics(vhost) => {
                    let is_extra = |exchange: &&Exchange| {
                        exchange.0 == vhost && is_unnameable(&exchange.1) && !active.topic_permissions.contains_key(*exchange)
                    };
                    prop_assert!(inactive.topic_permissions.keys().any(|exchange| is_extra(&exchange)));
                }
                Change::RevokeTopic((_, name)) => prop_assert!(!is_unnameable(&name), "the API cannot name it"),
                Change::ClearLimit(name) => prop_assert!(!active.limits.contains_key(&name)),
                _ => {}
            }
        }
    }
}

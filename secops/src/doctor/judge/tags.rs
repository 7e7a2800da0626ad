//! The tags of one secret: they decide who rotates it and where it goes, and nothing reports a tag that nobody reads.

use contract::Tags;

use super::spelling::meant;
use crate::doctor::check::Check;
use crate::doctor::report::Row;
use crate::doctor::rules::Rules;
use crate::screen::text::foreign;
use crate::secret::Secret;

const CHECK: Check = Check::SecretTags;
const FIX: &str = "Correct the tag: docs/src/kubernetes.md#tags, docs/src/add-a-secret.md.";
/// Prefixes of keys that belong to the suite.
const OURS: [&str; 4] = ["secret2eks/", "rotation-mq/", "rotation-watch/", "secret-access/"];
const KNOWN: [&str; 12] = [
    Tags::USER,
    Tags::NAMESPACE,
    Tags::NAME,
    Tags::CLUSTER,
    Tags::STORE,
    Tags::KEYS,
    Tags::MODE,
    Tags::TENANT,
    Tags::DELIVERED,
    Tags::MAX_AGE_DAYS,
    Tags::OWNER,
    Tags::READERS,
];

/// What is wrong with the tags of one secret. Empty: nothing.
pub(super) fn rows(secret: &Secret, rules: Rules<'_>) -> Vec<Row> {
    let mut problems = of_rotation(secret, rules);
    problems.extend(secret.tags.keys().filter_map(|key| misspelt(key, rules)));
    problems.extend(of_routing(&secret.tags));
    problems.into_iter().map(|seen| Row::broken(CHECK, seen, FIX).of(foreign(&secret.name))).collect()
}

fn of_rotation(secret: &Secret, rules: Rules<'_>) -> Vec<String> {
    let Rules { prefix, admin_prefix, key, rotate, admin } = rules;
    let (is_rotated, is_admin) = (secret.name.starts_with(prefix), secret.name.starts_with(admin_prefix));
    let problem = match secret.tags.get(key) {
        // A misspelt key has its own row.
        None if secret.tags.keys().any(|found| meant(found, &[key]).is_some()) => None,
        None if secret.rotation_enabled => Some(format!(
            "rotation is on, and the tag `{key}` is missing, so the function may not read the secret"
        )),
        None => None,
        Some(value) if value == rotate && !is_rotated && !is_admin => Some(format!(
            "the name begins with neither `{prefix}` nor `{admin_prefix}`, so the function may not read it"
        )),
        Some(value) if value == admin && !is_admin => {
            Some(format!("the tag `{key}` is `{admin}`, and the name does not begin with `{admin_prefix}`"))
        }
        Some(value) if value != rotate && value != admin => {
            Some(format!("the tag `{key}` is `{}`, but must be `{rotate}` or `{admin}`", foreign(value)))
        }
        Some(_) => None,
    };
    let days = secret.tags.get(Tags::MAX_AGE_DAYS);
    let wrong = days.filter(|days| !days.parse::<u32>().is_ok_and(|days| days > 0));
    let age = wrong.map(|days| {
        format!("the tag `{}` is `{}`, but must be a number of days", Tags::MAX_AGE_DAYS, foreign(days))
    });
    problem.into_iter().chain(age).collect()
}

/// A key that is meant to be one of the suite's, and is not.
fn misspelt(key: &str, rules: Rules<'_>) -> Option<String> {
    if KNOWN.contains(&key) || key == rules.key {
        return None;
    }
    let known: Vec<&str> = KNOWN.into_iter().chain([rules.key]).collect();
    // `tenant` is short, and a word of its own in many companies: only another case is taken for it.
    let found = meant(key, &known).filter(|known| *known != Tags::TENANT || key.eq_ignore_ascii_case(known));
    match found {
        Some(meant) => Some(format!("nothing reads the tag `{}`: did you mean `{meant}`?", foreign(key))),
        None if OURS.iter().any(|prefix| key.to_ascii_lowercase().starts_with(prefix)) => {
            Some(format!("nothing reads the tag `{}`", foreign(key)))
        }
        None => None,
    }
}

/// The tags that define a place come together.
fn of_routing(tags: &Tags) -> Option<String> {
    let has = |key| tags.get(key).is_some();
    let place = [Tags::NAMESPACE, Tags::NAME];
    let others = [Tags::CLUSTER, Tags::STORE, Tags::KEYS, Tags::MODE];
    let missing: Vec<&str> = place.into_iter().filter(|key| !has(key)).collect();
    let is_meant = place.into_iter().chain(others).any(has);
    if !is_meant {
        return None;
    }
    if let Some(first) = missing.first() {
        return Some(format!("the tag `{first}` is missing, so the secret is delivered nowhere"));
    }
    let needs_store = tags.get(Tags::MODE) != Some("refresh") && !has(Tags::STORE);
    needs_store.then(|| format!("the tag `{}` is missing, so the secret is delivered nowhere", Tags::STORE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::example::{secret, with_tags};

    const RULES: Rules<'static> = Rules {
        prefix: "rabbitmq/",
        admin_prefix: "rabbitmq-admin/",
        key: "rotation-mq",
        rotate: "rotate",
        admin: "admin",
    };
    const ROUTED: [(&str, &str); 3] = [
        ("secret2eks/namespace", "shop"),
        ("secret2eks/name", "payment"),
        ("secret2eks/store", "SecretStore/aws"),
    ];

    fn found(name: &str, tags: &[(&str, &str)], rotation_enabled: bool) -> Vec<String> {
        let secret = Secret { rotation_enabled, ..with_tags(name, tags) };
        rows(&secret, RULES).into_iter().map(|row| row.seen).collect()
    }

    #[test]
    fn tags_that_mean_what_they_should_are_no_problem() {
        let rotate = ("rotation-mq", "rotate");
        for (name, tags, rotation_enabled) in [
            ("rabbitmq/payment", vec![rotate], true),
            ("rabbitmq/payment", vec![rotate, ("rotation-mq/user", "payment"), ("cost-centre", "7")], true),
            ("rabbitmq/payment", [vec![rotate], ROUTED.to_vec()].concat(), true),
            ("rabbitmq-admin/b-1", vec![("rotation-mq", "admin")], false),
            ("rabbitmq-admin/b-1", vec![rotate], true),
            ("rabbitmq/acme/one", ROUTED.to_vec(), false),
            ("rabbitmq/payment", vec![("rotation-watch/max-age-days", "90")], false),
            ("rabbitmq/payment", vec![("talent", "x"), ("name", "y"), ("rotation", "z")], false),
        ] {
            assert_eq!(found(name, &tags, rotation_enabled), Vec::<String>::new(), "{name} {tags:?}");
        }
        assert_eq!(
            rows(&secret("rabbitmq/payment"), RULES).len(),
            1,
            "rotation is on, and the tag is missing"
        );
    }

    #[test]
    fn each_wrong_tag_is_named() {
        let without = |key: &str| -> Vec<(&str, &str)> {
            ROUTED.into_iter().filter(|(found, _)| *found != key).collect()
        };
        for (name, tags, rotation_enabled, words) in [
            ("rabbitmq/payment", vec![], true, "the tag `rotation-mq` is missing"),
            ("rabbitmq/payment", vec![("Rotation-MQ", "rotate")], true, "did you mean `rotation-mq`?"),
            ("rabbitmq/payment", vec![("rotation-mp", "rotate")], true, "did you mean `rotation-mq`?"),
            ("rabbitmq/payment", vec![("rotation-mq", "yes")], true, "but must be `rotate` or `admin`"),
            (
                "rabbitmq/payment",
                vec![("rotation-mq", "admin")],
                false,
                "does not begin with `rabbitmq-admin/`",
            ),
            ("other/payment", vec![("rotation-mq", "rotate")], true, "begins with neither"),
            (
                "rabbitmq/payment",
                vec![("rotation-watch/max-age-days", "soon")],
                false,
                "must be a number of days",
            ),
            (
                "rabbitmq/payment",
                vec![("rotation-watch/max-age-day", "90")],
                false,
                "did you mean `rotation-watch/max-age-days`?",
            ),
            (
                "rabbitmq/payment",
                vec![("rotation-watch/colour", "red")],
                false,
                "nothing reads the tag `rotation-watch/colour`",
            ),
            ("rabbitmq/payment", vec![("Tenant", "acme")], false, "did you mean `tenant`?"),
            ("rabbitmq/payment", without("secret2eks/namespace"), false, "`secret2eks/namespace` is missing"),
            ("rabbitmq/payment", without("secret2eks/name"), false, "`secret2eks/name` is missing"),
            ("rabbitmq/payment", without("secret2eks/store"), false, "`secret2eks/store` is missing"),
        ] {
            let problems = found(name, &tags, rotation_enabled);
            assert_eq!(problems.len(), 1, "{name} {tags:?} {problems:?}");
            assert!(problems.iter().all(|problem| problem.contains(words)), "{problems:?}");
        }
    }
}

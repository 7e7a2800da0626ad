//! Which secrets need a receipt. Pure.
//!
//! A receipt permits the next rotation to reset the user that the pods used before. Nothing else reads it. Each receipt is a
//! `TagResource`, of which an account may make 50 a second, so secrets that nothing rotates get none.

use crate::config::Config;
use crate::secret_store::Description;

/// Whether this function writes the receipt of `secret`. The tag counts as well as the schedule, because a secret has the
/// tag before its first rotation begins. Secrets Manager does not permit to tag a replica.
#[must_use]
pub fn is_needed(config: &Config, secret: &Description) -> bool {
    let may_rotate = secret.rotation_enabled || secret.tags.get(&config.rotation_tag_key).is_some();
    config.write_receipt && may_rotate && secret.primary_region.is_none()
}

#[cfg(test)]
mod tests {
    use lambda_boundary::Environment;

    use super::*;

    #[test]
    fn a_receipt_is_for_a_primary_that_rotates_or_may_rotate_and_for_one_function() {
        let needed = |write: &str, tag: Option<&str>, rotation_enabled: bool, primary: Option<&str>| {
            let environment = Environment::of(&[
                ("EKS_CLUSTER_NAME", "shop"),
                ("SECRETS_ARN_PREFIX", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/"),
                ("WRITE_RECEIPT", write),
                ("ROTATION_TAG_KEY", "turns"),
            ]);
            let secret = Description {
                arn: "arn".to_owned(),
                current: None,
                tags: tag.map(|tag| (tag.to_owned(), "rotate".to_owned())).into_iter().collect(),
                primary_region: primary.map(str::to_owned),
                rotation_enabled,
            };
            Config::read(&environment).map(|config| is_needed(&config, &secret))
        };
        for (write, tag, enabled, primary, expected) in [
            ("true", None, false, None, false),
            ("true", Some("rotation-mq"), false, None, false),
            ("true", Some("turns"), false, None, true),
            ("true", None, true, None, true),
            ("true", Some("turns"), true, Some("eu-west-1"), false),
            ("false", Some("turns"), true, None, false),
        ] {
            let found = needed(write, tag, enabled, primary);
            assert_eq!(found, Ok(expected), "{write} {tag:?} {enabled} {primary:?}");
        }
    }
}

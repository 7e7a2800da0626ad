//! Which secrets need a receipt, and which deliveries have earned it. Pure.
//!
//! A receipt permits the next rotation to reset the user that the pods used before. Nothing else reads it. Each receipt is a
//! `TagResource`, of which an account may make 50 a second, so secrets that nothing rotates get none.

use crate::config::Config;
use crate::in_cluster::Converged;
use crate::secret_store::Description;

/// Whether this function writes the receipt of `secret`. The tag counts as well as the schedule, because a secret has the
/// tag before its first rotation begins. Secrets Manager does not permit to tag a replica.
#[must_use]
pub fn is_needed(config: &Config, secret: &Description) -> bool {
    let may_rotate = secret.rotation_enabled || secret.tags.get(&config.rotation_tag_key).is_some();
    config.write_receipt && may_rotate && secret.primary_region.is_none()
}

/// Whether the receipt of `version` must be written: the secret needs one, and does not have it.
#[must_use]
pub fn is_due(config: &Config, secret: &Description, version: &str) -> bool {
    is_needed(config, secret) && secret.tags.delivered() != Some(version)
}

/// Whether a delivery that wrote to the cluster has brought `version` there. The operator read the version that was current
/// then, so `again`, which version is current afterwards, must be the same one.
#[must_use]
pub fn is_earned(converged: Converged, version: &str, again: Option<&str>) -> bool {
    converged != Converged::Superseded && again == Some(version)
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

    #[test]
    fn a_delivery_has_earned_the_receipt_if_the_version_that_it_brought_is_still_current() {
        for (converged, again, expected) in [
            (Converged::Synced, Some("new"), true),
            (Converged::Synced, Some("newer"), false),
            (Converged::Synced, None, false),
            (Converged::Superseded, Some("new"), false),
        ] {
            assert_eq!(is_earned(converged, "new", again), expected, "{converged:?} {again:?}");
        }
    }
}

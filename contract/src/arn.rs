//! Whether two references name the same secret.

/// Characters that Secrets Manager appends to a secret's name in its ARN: a hyphen and six random ones.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>
const SUFFIX_LENGTH: usize = 7;

/// Whether `reference` (a complete ARN, a partial ARN without the random suffix, or a name) names the
/// secret whose complete ARN is `arn`. All three are accepted as `SecretId` by Secrets Manager.
#[must_use]
pub fn names_same_secret(arn: &str, reference: &str) -> bool {
    if arn == reference {
        return true;
    }
    let Some(partial) = without_suffix(arn) else {
        return false;
    };
    reference == partial || partial.split_once(":secret:").is_some_and(|(_, name)| name == reference)
}

/// The name of a secret in its ARN. For a complete ARN, this includes the random suffix.
#[must_use]
pub fn secret_name(arn: &str) -> Option<&str> {
    arn.split_once(":secret:").map(|(_, name)| name)
}

/// The six random characters at the end of a complete ARN.
#[must_use]
pub fn secret_suffix(arn: &str) -> Option<&str> {
    let partial = without_suffix(arn)?;
    arn.get(partial.len() + 1..)
}

/// Whether a reference has the form of a complete ARN. The random suffix nearly always has a digit or a capital letter. So
/// a name that ends in six small letters (`payment-worker`) is not mistaken for a complete ARN. About one complete ARN of
/// 200 is not recognized either.
#[must_use]
pub fn is_complete_arn(reference: &str) -> bool {
    let is_random = |partial: &str| {
        let suffix = reference.get(partial.len() + 1..).unwrap_or_default();
        suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && suffix.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    };
    reference.starts_with("arn:")
        && secret_name(reference).is_some()
        && without_suffix(reference).is_some_and(is_random)
}

/// Whether the primary of the secret `arn` is in another region, so that this one is a replica. Secrets Manager names
/// the primary's region for a primary with replicas, too.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html>
#[must_use]
pub fn is_elsewhere(arn: &str, primary_region: &str) -> bool {
    !primary_region.is_empty() && arn.split(':').nth(3) != Some(primary_region)
}

fn without_suffix(arn: &str) -> Option<&str> {
    let (partial, suffix) = arn.split_at_checked(arn.len().checked_sub(SUFFIX_LENGTH)?)?;
    suffix.starts_with('-').then_some(partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/payment-AbCdEf";

    #[test]
    fn a_complete_arn_a_partial_arn_and_a_name_name_the_same_secret() {
        assert!(names_same_secret(ARN, ARN));
        assert!(names_same_secret(
            ARN,
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/payment"
        ));
        assert!(names_same_secret(ARN, "shop/payment"));
        assert_eq!((secret_suffix(ARN), secret_suffix("shop")), (Some("AbCdEf"), None));
    }

    #[test]
    fn a_complete_arn_is_distinguished_from_a_partial_one_and_from_a_name() {
        let partial = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/payment";
        for (reference, expected) in [
            (ARN, true),
            (partial, false),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/payment-worker", false),
            ("shop/payment", false),
            ("payment-AbCdEf", false),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-pay/ment", false),
            ("", false),
        ] {
            assert_eq!(is_complete_arn(reference), expected, "{reference}");
        }
    }

    #[test]
    fn a_replica_has_its_primary_in_another_region() {
        for (primary, expected) in [("", false), ("eu-central-1", false), ("eu-west-1", true)] {
            assert_eq!(is_elsewhere(ARN, primary), expected, "{primary}");
        }
    }

    #[test]
    fn other_names_accounts_and_prefixes_are_other_secrets() {
        for other in [
            "shop/pay",
            "payment",
            "",
            "arn:aws:secretsmanager:eu-central-1:000000000000:secret:shop/payment",
        ] {
            assert!(!names_same_secret(ARN, other), "{other}");
        }
    }
}

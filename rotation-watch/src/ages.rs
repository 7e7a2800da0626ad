//! Which secrets need a call for the ages of their versions, and what a failed call means. Decided on data.

use std::collections::{BTreeMap, HashMap, HashSet};

use lambda_boundary::AwsError;

use crate::telling::Seen;
use crate::watched::{Memory, Secret, Version};

/// Whether the ages of a secret's versions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ages {
    /// All of them are known.
    Known,
    /// Secrets Manager refuses the call, and will refuse it again. A resource policy of the secret may be the reason.
    Refused,
    /// Secrets Manager was not asked yet, or did not answer. The next run asks again.
    Unanswered,
}

/// The secrets with what their memories know about them. Only a version that was not seen before, or that is AWSPENDING,
/// needs a call: the ages of its secret are [`Ages::Unanswered`].
#[must_use]
pub fn so_far(secrets: Vec<Secret>, mut memories: HashMap<String, Memory>) -> Vec<Seen> {
    let mut arns = HashSet::new();
    let mut seen = Vec::with_capacity(secrets.len());
    for mut secret in secrets {
        // A list that changes while it is read page by page may name a secret twice.
        if !arns.insert(secret.arn.clone()) {
            continue;
        }
        let memory = memories.remove(&secret.arn).unwrap_or_default();
        let known = memory.current.as_ref().filter(|known| known.created_at.is_some());
        let known = known.filter(|_| memory.is_about(secret.current.as_ref()));
        let asks = secret.pending.is_some() || (known.is_none() && secret.current.is_some());
        if let Some(known) = known {
            secret.current = Some(known.clone());
        }
        seen.push(Seen { secret, memory, ages: if asks { Ages::Unanswered } else { Ages::Known } });
    }
    seen
}

/// What to store about a secret whose AWSCURRENT version is `current`. What its owner was notified of about an older value
/// is over.
#[must_use]
pub fn memory_of(seen: &Seen, current: Option<Version>) -> Memory {
    let is_same = seen.memory.is_about(current.as_ref());
    let told = if is_same { seen.memory.told.clone() } else { BTreeMap::new() };
    Memory { arn: seen.secret.arn.clone(), current, told }
}

/// What a failure to list the versions of one secret means for it. None if the secret was deleted.
#[must_use]
pub fn ages_after(error: &AwsError) -> Option<Ages> {
    let is_server = |code: &str| ["Internal", "ServiceUnavailable"].iter().any(|part| code.contains(part));
    match error {
        error if error.is("ResourceNotFoundException") => None,
        AwsError::Refused { code, .. } if !error.is_throttled() && !is_server(code) => Some(Ages::Refused),
        _ => Some(Ages::Unanswered),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use contract::Kind;
    use jiff::Timestamp;
    use jiff::civil::Date;

    use super::*;

    fn version(id: &str, created_at: Option<Timestamp>) -> Option<Version> {
        Some(Version { id: id.to_owned(), created_at })
    }

    fn memory(current: Option<Version>) -> Memory {
        let told = [(Kind::SecretOwnerMissing, Date::ZERO)].into();
        Memory { arn: "arn:shop".to_owned(), current, told }
    }

    const DATED: Option<Timestamp> = Some(Timestamp::UNIX_EPOCH);

    #[test]
    fn only_a_version_that_is_new_or_pending_needs_a_call() {
        for (current, pending, known, expected) in [
            (version("v1", None), None, version("v1", DATED), Ages::Known),
            (version("v1", None), None, version("v1", None), Ages::Unanswered),
            (version("v2", None), None, version("v1", DATED), Ages::Unanswered),
            (version("v1", None), None, None, Ages::Unanswered),
            (version("v1", None), version("v2", None), version("v1", DATED), Ages::Unanswered),
            (None, None, version("v1", DATED), Ages::Known),
            (None, None, None, Ages::Known),
        ] {
            let secret = Secret { current: current.clone(), pending, ..Secret::example("arn:shop") };
            let memories = [("arn:shop".to_owned(), memory(known.clone()))].into();
            let seen = so_far(vec![secret.clone(), secret], memories);
            let ages: Vec<Ages> = seen.iter().map(|seen| seen.ages).collect();
            assert_eq!(ages, [expected], "{current:?}, {known:?}");
            let is_dated = seen.iter().any(|seen| seen.secret.current == version("v1", DATED));
            let remembers = current == version("v1", None) && known == version("v1", DATED);
            assert_eq!(is_dated, remembers, "{current:?}, {known:?}");
        }
    }

    #[test]
    fn a_new_age_keeps_what_the_owner_was_notified_of_and_a_new_value_ends_it() {
        let secret = Secret { current: version("v1", None), ..Secret::example("arn:shop") };
        let seen = Seen { secret, memory: memory(version("v1", None)), ages: Ages::Unanswered };
        assert_eq!(memory_of(&seen, version("v1", DATED)), memory(version("v1", DATED)));
        let after = memory_of(&seen, version("v2", DATED));
        assert!(after.told.is_empty(), "{after:?}");
    }

    #[test]
    fn a_deleted_secret_is_no_failure_a_refusal_is_reported_and_a_missing_answer_is_retried() {
        for (code, expected) in [
            ("ResourceNotFoundException", None),
            ("AccessDeniedException", Some(Ages::Refused)),
            ("InvalidRequestException", Some(Ages::Refused)),
            ("InvalidParameterException", Some(Ages::Refused)),
            ("DecryptionFailure", Some(Ages::Refused)),
            ("ThrottlingException", Some(Ages::Unanswered)),
            ("InternalServiceError", Some(Ages::Unanswered)),
            ("InternalFailure", Some(Ages::Unanswered)),
            ("ServiceUnavailable", Some(Ages::Unanswered)),
        ] {
            let (service, operation) = ("Secrets Manager", "ListSecretVersionIds");
            let message = String::new();
            let error = AwsError::Refused { service, operation, code: code.to_owned(), message };
            assert_eq!(ages_after(&error), expected, "{code}");
        }
        let (service, operation) = ("Secrets Manager", "ListSecretVersionIds");
        let timeout = Duration::from_secs(8);
        let unreachable = AwsError::Unreachable { service, operation, timeout };
        assert_eq!(ages_after(&unreachable), Some(Ages::Unanswered));
    }
}

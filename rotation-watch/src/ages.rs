//! How old values are, asked secret by secret. What one secret does not tell ends nothing for the others.

use std::collections::{HashMap, HashSet};

use contract::Kind;
use jiff::Timestamp;
use lambda_boundary::AwsError;

use crate::Watch;
use crate::error::WatchError;
use crate::telling::Seen;
use crate::watched::{Memory, Secret};

/// So many secrets may refuse before it is the function's own permission that is missing: an alert for each would be
/// a flood, and none of them would name the cause.
const REFUSALS_LIMIT: usize = 20;
/// After so many questions without an answer no more are asked: each takes as long as a call may take.
const UNANSWERED_LIMIT: usize = 20;

/// Whether the ages of a secret's versions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ages {
    /// All that were asked for.
    Known,
    /// Secrets Manager refuses to tell them, and will again: by a resource policy of the secret, for example.
    Refused,
    /// Secrets Manager did not answer; the next run asks again.
    Unanswered,
}

/// All that was seen, and what went wrong about it.
#[derive(Debug)]
pub struct Looked {
    /// The secrets that there are.
    pub seen: Vec<Seen>,
    /// Why the run has failed, when it is not a matter of single secrets. Those that are known are told all the same.
    pub failed: Option<WatchError>,
}

/// What a failure to list the versions of one secret says about it; nothing when the secret is gone.
#[must_use]
pub fn ages_after(error: &AwsError) -> Option<Ages> {
    let is_server = |code: &str| ["Internal", "ServiceUnavailable"].iter().any(|part| code.contains(part));
    match error {
        error if error.is("ResourceNotFoundException") => None,
        AwsError::Refused { code, .. } if error.kind() != Kind::AwsThrottled && !is_server(code) => {
            Some(Ages::Refused)
        }
        _ => Some(Ages::Unanswered),
    }
}

/// Only a version that was not seen before costs a question; its age is remembered at once, so that a run that
/// is cut off is continued by the next.
pub async fn look_up(
    watch: &Watch,
    secrets: Vec<Secret>,
    mut memories: HashMap<String, Memory>,
    now: Timestamp,
) -> Looked {
    let mut looked = Looked { seen: Vec::with_capacity(secrets.len()), failed: None };
    let mut arns = HashSet::new();
    let (mut refused, mut unanswered) = (0_usize, 0_usize);
    for mut secret in secrets {
        // A list that is read page by page while it changes may name a secret twice.
        if !arns.insert(secret.arn.clone()) {
            continue;
        }
        let mut memory = memories.remove(&secret.arn).unwrap_or_default();
        let known = memory.current.as_ref().filter(|known| {
            known.created_at.is_some() && secret.current.as_ref().is_some_and(|now| now.id == known.id)
        });
        if let Some(known) = known {
            secret.current = Some(known.clone());
        }
        let asks = secret.pending.is_some() || (known.is_none() && secret.current.is_some());
        let mut ages = Ages::Known;
        if asks && unanswered >= UNANSWERED_LIMIT {
            ages = Ages::Unanswered;
        } else if asks && let Err(source) = watch.secrets.date_versions(&mut secret).await {
            tracing::warn!(secret.arn, "the age of its versions is unknown: {source}");
            let Some(found) = ages_after(&source) else { continue };
            ages = found;
            refused += usize::from(found == Ages::Refused);
            unanswered += usize::from(found == Ages::Unanswered);
            // The first of them says why the run has failed.
            if found == Ages::Unanswered || refused > REFUSALS_LIMIT {
                looked.failed.get_or_insert(WatchError::Versions { arn: secret.arn.clone(), source });
            }
        }
        if ages == Ages::Known && memory.current != secret.current {
            memory = Memory { arn: secret.arn.clone(), current: secret.current.clone(), ..Memory::default() };
            if let Err(source) = watch.memory.write(&memory, now).await {
                looked.failed = Some(WatchError::Memory { what: "remember", source });
            }
        }
        looked.seen.push(Seen { secret, memory, ages });
    }
    if refused > REFUSALS_LIMIT {
        for seen in looked.seen.iter_mut().filter(|seen| seen.ages == Ages::Refused) {
            seen.ages = Ages::Unanswered;
        }
    }
    looked
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_secret_that_is_gone_is_no_failure_one_that_refuses_is_told_and_silence_is_asked_again() {
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

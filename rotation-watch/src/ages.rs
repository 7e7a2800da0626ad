//! Asks for the ages of values, secret by secret. If one secret gives no answer, the others are checked nevertheless.

use std::collections::{HashMap, HashSet};

use contract::Kind;
use jiff::Timestamp;
use lambda_boundary::AwsError;

use crate::Watch;
use crate::error::WatchError;
use crate::telling::Seen;
use crate::watched::{Memory, Secret};

/// If more secrets than this refuse, the function's own permission is missing. An alert for each secret would be a flood,
/// and none of them would name the cause.
const REFUSALS_LIMIT: usize = 20;
/// After this many calls without an answer, the run makes no more: each takes as long as a call may take.
const UNANSWERED_LIMIT: usize = 20;

/// Whether the ages of a secret's versions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ages {
    /// All of them are known.
    Known,
    /// Secrets Manager refuses the call, and will refuse it again. A resource policy of the secret may be the reason.
    Refused,
    /// Secrets Manager did not answer. The next run asks again.
    Unanswered,
}

/// The secrets that were checked, and what failed.
#[derive(Debug)]
pub struct Looked {
    /// The secrets that exist.
    pub seen: Vec<Seen>,
    /// Why the run has failed, if the reason is not a single secret. The owners are notified of known findings nevertheless.
    pub failed: Option<WatchError>,
}

/// What a failure to list the versions of one secret means for it. None if the secret was deleted.
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

/// Only a version that was not seen before needs a call. Its age is stored at once, so that the next run continues a run
/// that was interrupted.
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
        // A list that changes while it is read page by page may name a secret twice.
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
            // The first of them is the reason why the run has failed.
            if found == Ages::Unanswered || refused > REFUSALS_LIMIT {
                looked.failed.get_or_insert(WatchError::Versions { arn: secret.arn.clone(), source });
            }
        }
        if ages == Ages::Known && memory.current != secret.current {
            memory = Memory { arn: secret.arn.clone(), current: secret.current.clone(), ..Memory::default() };
            if let Err(source) = watch.memory.write(&memory, now).await {
                looked.failed = Some(WatchError::Memory { what: "store", source });
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

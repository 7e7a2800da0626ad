//! What the answers about the ages mean for each secret and for the whole run. If one secret gives no answer, the others are
//! checked nevertheless.

use std::collections::HashMap;

use lambda_boundary::AwsError;

use crate::ages::{Ages, ages_after};
use crate::error::WatchError;
use crate::telling::Seen;
use crate::watched::{Memory, Secret, Versions};

/// If more secrets than this refuse, the function's own permission is missing. An alert for each secret would be a flood,
/// and none of them would name the cause.
const REFUSALS_LIMIT: usize = 20;
/// After this many calls without an answer, the run makes no more: each takes as long as a call may take.
const UNANSWERED_LIMIT: usize = 20;

/// The secrets that were checked, and what failed.
#[derive(Debug)]
pub struct Looked {
    /// The secrets that exist.
    pub seen: Vec<Seen>,
    /// Why the run has failed, if the reason is not a single secret. The owners are notified of known findings nevertheless.
    pub failed: Option<WatchError>,
}

/// The ages of a secret's versions.
#[derive(Debug)]
pub struct Dated {
    /// The versions with their ages.
    pub versions: Versions,
    /// What is stored about them.
    pub memory: Memory,
    /// Whether that succeeded.
    pub stored: Result<(), AwsError>,
}

#[derive(Debug)]
enum Answer {
    Known(Versions, Memory),
    Unknown(Ages),
    Deleted,
}

/// The answers up to now, each with the place of its secret in the list.
#[derive(Debug, Default)]
pub struct Answers {
    by_place: HashMap<usize, Answer>,
    refused: usize,
    unanswered: usize,
    failed: Option<WatchError>,
}

impl Answers {
    /// Takes the answer about the secret `arn`.
    pub fn take(&mut self, place: usize, arn: &str, answer: Result<Dated, AwsError>) {
        let answer = match answer {
            Ok(Dated { versions, memory, stored }) => {
                if let Err(source) = stored {
                    self.failed = Some(WatchError::Memory { what: "store", source });
                }
                Answer::Known(versions, memory)
            }
            Err(source) => match ages_after(&source) {
                None => Answer::Deleted,
                Some(ages) => {
                    self.count(ages, arn, source);
                    Answer::Unknown(ages)
                }
            },
        };
        self.by_place.insert(place, answer);
    }

    fn count(&mut self, ages: Ages, arn: &str, source: AwsError) {
        self.refused += usize::from(ages == Ages::Refused);
        self.unanswered += usize::from(ages == Ages::Unanswered);
        // The first of them is the reason why the run has failed.
        if ages == Ages::Unanswered || self.refused > REFUSALS_LIMIT {
            self.failed.get_or_insert(WatchError::Versions { arn: arn.to_owned(), source });
        }
    }

    /// Whether so many answers are missing that there is no point in more calls.
    #[must_use]
    pub fn are_missing(&self) -> bool {
        self.unanswered >= UNANSWERED_LIMIT
    }

    /// What is known about the secrets in `seen` now, in the same order.
    #[must_use]
    pub fn conclude(mut self, seen: Vec<Seen>) -> Looked {
        let mut open = 0_usize;
        let mut after = Vec::with_capacity(seen.len());
        for (place, seen) in seen.into_iter().enumerate() {
            match self.by_place.remove(&place) {
                None => {
                    open += usize::from(seen.ages == Ages::Unanswered);
                    after.push(seen);
                }
                Some(Answer::Known(Versions { current, pending }, memory)) => {
                    let secret = Secret { current, pending, ..seen.secret };
                    after.push(Seen { secret, memory, ages: Ages::Known });
                }
                Some(Answer::Unknown(Ages::Refused)) if self.refused > REFUSALS_LIMIT => after.push(seen),
                Some(Answer::Unknown(ages)) => after.push(Seen { ages, ..seen }),
                Some(Answer::Deleted) => {}
            }
        }
        if open > 0 {
            self.failed.get_or_insert(WatchError::Incomplete { secrets: open });
        }
        Looked { seen: after, failed: self.failed }
    }
}

#[cfg(test)]
mod tests {
    use contract::Kind;
    use jiff::Timestamp;

    use super::*;
    use crate::watched::Version;

    fn open(count: usize) -> Vec<Seen> {
        let seen = |number: usize| Seen {
            secret: Secret::example(&format!("arn:{number}")),
            memory: Memory::default(),
            ages: Ages::Unanswered,
        };
        (0..count).map(seen).collect()
    }

    fn refused(code: &str) -> AwsError {
        let (service, operation, message) = ("Secrets Manager", "ListSecretVersionIds", String::new());
        AwsError::Refused { service, operation, code: code.to_owned(), message }
    }

    fn known(stored: Result<(), AwsError>) -> Dated {
        let current = Some(Version { id: "v1".to_owned(), created_at: Some(Timestamp::UNIX_EPOCH) });
        let memory = Memory { current: current.clone(), ..Memory::default() };
        Dated { versions: Versions { current, pending: None }, memory, stored }
    }

    fn after(failures: usize, code: &str) -> (bool, Looked) {
        let mut answers = Answers::default();
        for place in 0..failures {
            answers.take(place, &format!("arn:{place}"), Err(refused(code)));
        }
        (answers.are_missing(), answers.conclude(open(failures)))
    }

    #[test]
    fn a_run_without_an_answer_about_each_secret_is_incomplete_and_keeps_what_it_knows() {
        let mut answers = Answers::default();
        answers.take(2, "arn:2", Ok(known(Ok(()))));
        answers.take(1, "arn:1", Err(refused("ResourceNotFoundException")));
        let looked = answers.conclude(open(4));
        let found: Vec<_> = looked.seen.iter().map(|seen| (seen.secret.arn.as_str(), seen.ages)).collect();
        let [none, known] = [Ages::Unanswered, Ages::Known];
        assert_eq!(found, [("arn:0", none), ("arn:2", known), ("arn:3", none)]);
        assert!(matches!(looked.failed, Some(WatchError::Incomplete { secrets: 2 })), "{:?}", looked.failed);
        assert_eq!(looked.failed.map(|error| error.kind()), Some(Kind::RotationTimedOut));
    }

    #[test]
    fn a_few_refusals_are_findings_and_many_are_a_missing_permission() {
        let (_, few) = after(REFUSALS_LIMIT, "AccessDeniedException");
        assert!(few.seen.iter().all(|seen| seen.ages == Ages::Refused) && few.failed.is_none(), "{few:?}");
        let (is_over, many) = after(REFUSALS_LIMIT + 1, "AccessDeniedException");
        assert!(many.seen.iter().all(|seen| seen.ages == Ages::Unanswered), "{many:?}");
        assert_eq!(many.failed.map(|error| error.kind()), Some(Kind::AwsAccessDenied));
        assert!(!is_over, "the others are still asked for");
    }

    #[test]
    fn a_run_stops_asking_when_many_answers_are_missing() {
        for (failures, expected) in [(1, false), (UNANSWERED_LIMIT - 1, false), (UNANSWERED_LIMIT, true)] {
            let (is_over, looked) = after(failures, "InternalServiceError");
            assert_eq!(is_over, expected, "{failures}");
            let first = matches!(&looked.failed, Some(WatchError::Versions { arn, .. }) if arn == "arn:0");
            assert!(first, "{:?}", looked.failed);
        }
    }

    #[test]
    fn an_age_that_could_not_be_stored_counts_and_fails_the_run() {
        let mut answers = Answers::default();
        answers.take(0, "arn:0", Ok(known(Err(refused("InternalServerError")))));
        let looked = answers.conclude(open(1));
        assert!(looked.seen.iter().all(|seen| seen.ages == Ages::Known), "{looked:?}");
        assert!(matches!(looked.failed, Some(WatchError::Memory { .. })), "{:?}", looked.failed);
    }
}

//! What the steps of one rotation have just seen on the broker, so that the next step does not ask again.
//!
//! Secrets Manager calls the four steps one after the other, mostly in the same process. It holds no secret value, and a
//! step that another process runs, or that runs later, asks the broker.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::grants::Grants;

/// A rotation without a fault takes less.
const KEPT: SignedDuration = SignedDuration::from_secs(10);

/// One attempt to rotate one secret. What was seen while another version was current does not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The secret.
    pub secret: String,
    /// The version that is current.
    pub current: String,
    /// The version that becomes current.
    pub pending: String,
}

/// What was seen, and when.
#[derive(Debug, Default)]
pub struct JustSeen(Mutex<HashMap<Attempt, Seen>>);

#[derive(Debug)]
struct Seen {
    at: Timestamp,
    active: Grants,
    both_are_equal: bool,
}

impl JustSeen {
    /// Remembers the grants of the active user, which setSecret has read.
    pub fn active_grants(&self, attempt: Attempt, active: Grants, at: Timestamp) {
        self.remember(attempt, Seen { at, active, both_are_equal: false });
    }

    /// Remembers that both users have these grants, which testSecret has found.
    pub fn equal_grants(&self, attempt: Attempt, grants: Grants, at: Timestamp) {
        self.remember(attempt, Seen { at, active: grants, both_are_equal: true });
    }

    /// The grants of the active user, if they were read a moment ago.
    pub fn active_of(&self, attempt: &Attempt, now: Timestamp) -> Option<Grants> {
        self.all().get(attempt).filter(|seen| seen.counts(now)).map(|seen| seen.active.clone())
    }

    /// Whether the grants of both users were found equal a moment ago.
    pub fn were_equal(&self, attempt: &Attempt, now: Timestamp) -> bool {
        self.all().get(attempt).is_some_and(|seen| seen.both_are_equal && seen.counts(now))
    }

    fn remember(&self, attempt: Attempt, seen: Seen) {
        let mut all = self.all();
        all.retain(|_, other| other.counts(seen.at));
        all.insert(attempt, seen);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Attempt, Seen>> {
        // No code under this lock can leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Lambda freezes a process between two invocations, so the clock may jump.
    fn counts(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.at);
        !age.is_negative() && age <= KEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(current: &str) -> Attempt {
        Attempt {
            secret: "rabbitmq/payment".to_owned(),
            current: current.to_owned(),
            pending: "new".to_owned(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000 + seconds)
    }

    #[test]
    fn what_was_seen_counts_for_ten_seconds_and_for_the_same_attempt() {
        let seen = JustSeen::default();
        seen.equal_grants(attempt("old"), Grants::default(), at(0));
        for (current, now, expected, what) in [
            ("old", 0, true, "at once"),
            ("old", 10, true, "a moment later"),
            ("old", 11, false, "too late"),
            ("old", -1, false, "the clock went back"),
            ("other", 0, false, "another version became current"),
        ] {
            assert_eq!(seen.were_equal(&attempt(current), at(now)), expected, "{what}");
            assert_eq!(seen.active_of(&attempt(current), at(now)).is_some(), expected, "{what}");
        }
    }

    #[test]
    fn set_secret_has_not_compared_the_users_and_a_repeated_one_ends_what_a_test_has_found() {
        let seen = JustSeen::default();
        seen.active_grants(attempt("old"), Grants::default(), at(0));
        assert!(!seen.were_equal(&attempt("old"), at(0)));
        seen.equal_grants(attempt("old"), Grants::default(), at(1));
        seen.active_grants(attempt("old"), Grants::default(), at(2));
        assert!(!seen.were_equal(&attempt("old"), at(2)));
    }

    #[test]
    fn what_is_too_old_is_removed() {
        let seen = JustSeen::default();
        seen.active_grants(attempt("old"), Grants::default(), at(0));
        seen.active_grants(attempt("newer"), Grants::default(), at(60));
        assert_eq!(seen.all().len(), 1);
    }
}

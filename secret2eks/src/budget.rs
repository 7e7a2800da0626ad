//! How many objects may be taken back because of single events. Pure, except for the lock around the state.
//!
//! A script that deletes all secrets causes one event for each of them. Each event alone is right, so only their number can
//! show that something is wrong. The budget is one for each process of the function. Beyond it, the reconcile decides, which
//! sees all objects at once.

use std::collections::VecDeque;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use crate::lanes::locked;

const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// What was taken back in the last hour.
#[derive(Debug, Default)]
pub struct Budget {
    taken: Mutex<VecDeque<Timestamp>>,
}

impl Budget {
    /// Whether one more may be taken back, with at most `limit` in an hour. It counts then.
    pub fn take(&self, now: Timestamp, limit: usize) -> bool {
        let mut taken = locked(&self.taken);
        while taken.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
            taken.pop_front();
        }
        let is_allowed = taken.len() < limit;
        if is_allowed {
            taken.push_back(now);
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_a_limit_and_the_next_hour_has_it_again() {
        let budget = Budget::default();
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap_or_default();
        for (second, expected) in
            [(0, true), (10, true), (20, false), (3_599, false), (3_600, true), (3_601, false), (3_610, true)]
        {
            assert_eq!(budget.take(at(second), 2), expected, "{second}");
        }
        assert!(!Budget::default().take(at(0), 0));
    }
}

//! How many objects one run may take back. Pure.

use crate::event::Allowed;

/// The smallest cluster can lose some customers at once.
const ALWAYS: usize = 5;
/// A tenth of what is in the cluster is more than the customers that leave within minutes.
const SHARE: usize = 10;

/// How many of `ours` objects a run may take back, if the configuration permits `configured`. A person may allow more.
#[must_use]
pub fn limit(configured: usize, ours: usize, allowed: Option<&Allowed>) -> usize {
    allowed.map_or_else(|| configured.min(ALWAYS.max(ours / SHARE)), |allowed| allowed.take_back_up_to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_back_a_tenth_or_five_and_never_more_than_configured() {
        for (configured, ours, expected) in [
            (100, 0, 5),
            (100, 8, 5),
            (100, 50, 5),
            (100, 60, 6),
            (100, 999, 99),
            (100, 10_000, 100),
            (3, 10_000, 3),
            (0, 10_000, 0),
        ] {
            assert_eq!(limit(configured, ours, None), expected, "{configured} of {ours}");
        }
    }

    #[test]
    fn a_person_may_allow_more_or_less() {
        for take_back_up_to in [0, 1, 500] {
            let allowed = Allowed { take_back_up_to, by: "ada".to_owned(), reason: "acme leaves".to_owned() };
            assert_eq!(limit(100, 10, Some(&allowed)), take_back_up_to);
        }
    }
}

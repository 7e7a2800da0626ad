//! The time that an invocation may take.

use std::time::Duration;

/// The time of an invocation whose deadline is not known.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(55);

/// The time until `deadline_ms` (milliseconds since 1970), less `reserve`: the time to report a failure before Lambda's
/// own timeout.
///
/// A deadline in the past is ignored: `cargo lambda watch` 1.9.2 sends the number 600,000, ten minutes after 1970.
#[must_use]
pub fn time_left(deadline_ms: u64, now_ms: i64, reserve: Duration) -> Duration {
    let now_ms = u64::try_from(now_ms).unwrap_or(0);
    match deadline_ms.checked_sub(now_ms) {
        Some(left) => Duration::from_millis(left).saturating_sub(reserve),
        None => WITHOUT_DEADLINE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESERVE: Duration = Duration::from_secs(5);

    #[test]
    fn the_reserve_is_kept_back_from_what_lambda_leaves() {
        assert_eq!(time_left(70_000, 10_000, RESERVE), Duration::from_secs(55));
        assert_eq!(time_left(12_000, 10_000, RESERVE), Duration::ZERO);
    }

    #[test]
    fn a_deadline_of_the_year_1970_is_no_deadline() {
        assert_eq!(time_left(600_000, 1_700_000_000_000, RESERVE), WITHOUT_DEADLINE);
    }
}

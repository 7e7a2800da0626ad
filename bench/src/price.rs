//! What Lambda costs, at the list prices of x86 in us-east-1.

use std::time::Duration;

/// Where the prices are published, and when they were read.
pub const SOURCE: &str = "https://aws.amazon.com/lambda/pricing/";
/// The day on which they were read.
pub const READ_ON: &str = "2026-11-28";
/// US$ for a GB-second, up to 6 billion of them in a month.
pub const GB_SECOND: f64 = 0.000_016_666_7;
/// US$ for a million requests.
pub const MILLION_REQUESTS: f64 = 0.20;
/// The invocations of a rotation.
pub const REQUESTS: u32 = 4;

/// The milliseconds that Lambda bills for an invocation: each begun millisecond counts.
#[must_use]
pub fn billed_ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// US$ for a million rotations of `billed_ms` each.
#[must_use]
pub fn of_a_million_rotations(billed_ms: u64, memory_mb: u32) -> f64 {
    let gb_seconds = billed_ms as f64 / 1_000.0 * f64::from(memory_mb) / 1_024.0;
    1_000_000.0 * gb_seconds * GB_SECOND + f64::from(REQUESTS) * MILLION_REQUESTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_begun_millisecond_is_billed() {
        for (us, expected) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(billed_ms(Duration::from_micros(us)), expected, "{us}");
        }
    }

    #[test]
    fn a_million_rotations_cost_their_time_and_their_requests() {
        // 128 MB is an eighth of a GB: a million seconds cost 16.67 / 8.
        assert!((of_a_million_rotations(1_000, 128) - (2.083_337_5 + 0.80)).abs() < 1e-6);
        assert!((of_a_million_rotations(0, 1_024) - 0.80).abs() < 1e-9);
    }
}

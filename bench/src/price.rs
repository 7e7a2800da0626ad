//! What Lambda and Secrets Manager cost, at the list prices of x86 in us-east-1.

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
/// Where the prices of Secrets Manager are published.
pub const SECRETS_SOURCE: &str = "https://aws.amazon.com/secrets-manager/pricing/";
/// US$ a month for a secret.
pub const SECRET_A_MONTH: f64 = 0.40;
/// US$ for 10,000 calls of Secrets Manager.
pub const TEN_THOUSAND_CALLS: f64 = 0.05;

/// The milliseconds that Lambda bills for an invocation: each begun millisecond counts.
#[must_use]
pub fn billed_ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// US$ for a million rotations of `billed_ms` each.
#[must_use]
pub fn of_a_million_rotations(billed_ms: u64, memory_mb: u32) -> f64 {
    1_000_000.0 * of_time(billed_ms, memory_mb) + f64::from(REQUESTS) * MILLION_REQUESTS
}

/// US$ for that many invocations of `billed_ms` each.
#[must_use]
pub fn of_invocations(times: f64, billed_ms: u64, memory_mb: u32) -> f64 {
    times * (of_time(billed_ms, memory_mb) + MILLION_REQUESTS / 1_000_000.0)
}

/// US$ for calls of Secrets Manager.
#[must_use]
pub fn of_calls(calls: f64) -> f64 {
    calls / 10_000.0 * TEN_THOUSAND_CALLS
}

fn of_time(billed_ms: u64, memory_mb: u32) -> f64 {
    billed_ms as f64 / 1_000.0 * f64::from(memory_mb) / 1_024.0 * GB_SECOND
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

    #[test]
    fn invocations_and_calls_cost_what_a_million_of_them_cost() {
        assert!((of_invocations(1_000_000.0, 1_000, 128) - (2.083_337_5 + 0.20)).abs() < 1e-6);
        assert!((of_calls(20_000.0) - 0.10).abs() < 1e-9);
    }
}

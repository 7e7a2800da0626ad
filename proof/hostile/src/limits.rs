//! How many inputs a run has, and how long each may take.

use std::ffi::OsString;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The variables of `cargo xtask fuzz`.
pub const INPUTS: &str = "HOSTILE_INPUTS";
/// The seed of a run.
pub const SEED: &str = "HOSTILE_SEED";
/// The time of one input in milliseconds.
pub const MILLIS: &str = "HOSTILE_MILLIS";
/// The folder in which each target stores its figures.
pub const FIGURES: &str = "HOSTILE_FIGURES";

/// A run without variables, as the tests have it: some seconds for all targets together.
const SHORT: u64 = 2_000;
const FIRST_SEED: u64 = 1;
/// The tests run without optimisation, so this finds only what never ends. `cargo xtask fuzz` sets 50 ms.
const TIME_MS: u64 = 2_000;

/// The limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of changed inputs.
    pub inputs: u64,
    /// The seed.
    pub seed: u64,
    /// The CPU time of one input. Other processes do not count, so that a busy machine is no failure.
    pub time: Duration,
}

impl Limits {
    /// The limits in the environment, or those of a short run, which has fewer inputs for a `slow` parser.
    #[must_use]
    pub fn from_environment(slow: bool) -> Self {
        Self::from(slow, |name| std::env::var_os(name))
    }

    fn from(slow: bool, read: impl Fn(&str) -> Option<OsString>) -> Self {
        let short = if slow { SHORT / 20 } else { SHORT };
        let number = |name: &str, default: u64| {
            read(name).and_then(|text| text.to_str().and_then(|text| text.parse().ok())).unwrap_or(default)
        };
        Self {
            inputs: number(INPUTS, short),
            seed: number(SEED, FIRST_SEED),
            time: Duration::from_millis(number(MILLIS, TIME_MS)),
        }
    }
}

/// The CPU time of this thread.
#[must_use]
pub fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_the_long_run_are_read_and_the_short_one_needs_none() {
        let set = |name: &str| match name {
            INPUTS => Some(OsString::from("1000000")),
            SEED => Some(OsString::from("7")),
            _ => None,
        };
        let expected = Limits { inputs: 1_000_000, seed: 7, time: Duration::from_secs(2) };
        assert_eq!(Limits::from(true, set), expected);
        assert_eq!(Limits::from(false, |_| None).inputs, SHORT);
        assert_eq!(Limits::from(true, |_| None).inputs, SHORT / 20);
    }
}

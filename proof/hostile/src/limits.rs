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

/// The inputs of a run without variables, as the tests have it: some seconds for all targets together.
pub const SHORT: u64 = 2_000;
/// As [`SHORT`], for a parser with a client in front of it.
pub const SHORT_AND_SLOW: u64 = SHORT / 20;
const FIRST_SEED: u64 = 1;
/// The longest inputs have many megabytes, so this finds only what is much slower than its length explains.
const TIME_MS: u64 = 2_000;
/// A call of a parser that has not returned after this time never ends.
const END: Duration = Duration::from_mins(10);

/// The limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of changed inputs.
    pub inputs: u64,
    /// The seed.
    pub seed: u64,
    /// The CPU time of one input. Other processes do not count, so that a busy machine is no failure.
    pub time: Duration,
    /// The time after which a call of the parser is given up. It is the time of a clock, so it is long.
    pub end: Duration,
}

impl Limits {
    /// The limits in the environment, or those of a short run, which has `inputs`.
    ///
    /// # Panics
    /// When a variable is not a whole number.
    #[must_use]
    pub fn from_environment(inputs: u64) -> Self {
        Self::from(inputs, |name| std::env::var_os(name)).unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn from(inputs: u64, read: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let number = |name: &str, default: u64| {
            read(name).map_or(Ok(default), |text| match text.to_str().map(str::parse) {
                Some(Ok(number)) => Ok(number),
                _ => Err(format!("{name} must be a whole number")),
            })
        };
        Ok(Self {
            inputs: number(INPUTS, inputs)?,
            seed: number(SEED, FIRST_SEED)?,
            time: Duration::from_millis(number(MILLIS, TIME_MS)?),
            end: END,
        })
    }
}

/// The CPU time of this thread.
///
/// # Panics
/// When the system does not count it. Otherwise, every input would be quick.
#[must_use]
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map_or_else(|error| panic!("no CPU time: {error}"), Duration::from)
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
        let expected = Limits { inputs: 1_000_000, seed: 7, time: Duration::from_secs(2), end: END };
        assert_eq!(Limits::from(SHORT, set), Ok(expected));
        assert_eq!(Limits::from(5, |_| None).map(|limits| limits.inputs), Ok(5));
    }

    #[test]
    fn a_variable_that_is_no_number_is_an_error() {
        for text in ["1_000_000", "", "-1", "many"] {
            let problem = Limits::from(SHORT, |name| (name == INPUTS).then(|| OsString::from(text)));
            assert_eq!(problem, Err("HOSTILE_INPUTS must be a whole number".to_owned()), "{text}");
        }
    }
}

//! The version of RabbitMQ, by the Debian suite that contains it.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

/// The variable that chooses the suite.
pub const VARIABLE: &str = "TESTBED_BROKER";

/// A Debian suite, and with it a version of RabbitMQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Suite {
    /// RabbitMQ 3.10.
    Bookworm,
    /// RabbitMQ 4.0.
    #[default]
    Trixie,
    /// RabbitMQ 4.3 (Khepri). The suite changes, so tests read the version from the broker.
    Forky,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 3] = [Self::Bookworm, Self::Trixie, Self::Forky];

    /// The suite in `TESTBED_BROKER`; trixie if it is not set.
    ///
    /// # Errors
    /// When the variable names an unknown suite.
    pub fn from_environment() -> Result<Self> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::default()),
            Some(name) => name.to_string_lossy().parse().with_context(|| format!("bad value of {VARIABLE}")),
        }
    }

    /// The suite's name in a Debian archive.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }
}

impl FromStr for Suite {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|suite| suite.name() == name);
        let Some(suite) = known else {
            bail!("`{name}` is not one of bookworm (RabbitMQ 3.10), trixie (4.0) and forky (4.3)");
        };
        Ok(suite)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_answered_with_the_names_that_are_right() {
        let message = "3.13".parse::<Suite>().map_err(|error| error.to_string());
        assert_eq!(
            message.err().as_deref(),
            Some("`3.13` is not one of bookworm (RabbitMQ 3.10), trixie (4.0) and forky (4.3)")
        );
    }

    #[test]
    fn every_suite_is_read_back_from_its_name() {
        for suite in Suite::ALL {
            assert_eq!(suite.name().parse::<Suite>().ok(), Some(suite));
        }
    }
}

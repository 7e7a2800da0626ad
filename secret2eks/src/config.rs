//! The function's environment, read once at the start and turned into types.

use std::time::Duration;

use lambda_boundary::{CALL_TIMEOUTS_SECONDS, ConfigError, Environment, Form};

/// The function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The cluster to deliver to (`EKS_CLUSTER_NAME`).
    pub cluster: String,
    /// How long the operator may take for one delivery (`SYNC_TIMEOUT_SECONDS`).
    pub sync_timeout: Duration,
    /// Whether this function writes the receipt (`WRITE_RECEIPT`). If several clusters get the same secrets, the function of
    /// one cluster writes it.
    pub write_receipt: bool,
    /// The longest time for one call to AWS or to the cluster (`CALL_TIMEOUT_SECONDS`).
    pub call_timeout: Duration,
}

const CLUSTER_NAME: Form =
    Form { expected: "the name of an EKS cluster: letters, digits, `-` and `_`", fits: is_cluster_name };
const CLUSTER_NAME_LIMIT: usize = 100;
const SYNC_TIMEOUTS_SECONDS: std::ops::RangeInclusive<u64> = 1..=600;

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Names the first variable that is missing or wrong, and what is expected.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            cluster: environment.required("EKS_CLUSTER_NAME", CLUSTER_NAME)?,
            sync_timeout: environment.seconds("SYNC_TIMEOUT_SECONDS", 60, &SYNC_TIMEOUTS_SECONDS)?,
            write_receipt: environment.choice("WRITE_RECEIPT", [("true", true), ("false", false)])?,
            call_timeout: environment.seconds("CALL_TIMEOUT_SECONDS", 8, &CALL_TIMEOUTS_SECONDS)?,
        })
    }
}

/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html>
fn is_cluster_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    first && rest && text.len() <= CLUSTER_NAME_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &[(&str, &str)] = &[("EKS_CLUSTER_NAME", "shop")];

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let environment = Environment::of(&[changes, DEFAULTS].concat());
        Config::read(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_when_only_the_cluster_is_given() -> Result<(), String> {
        let config = read(&[])?;
        assert_eq!(config.sync_timeout, Duration::from_secs(60));
        assert_eq!(config.call_timeout, Duration::from_secs(8));
        assert!(config.write_receipt);
        Ok(())
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected_and_is_not_quoted() {
        for (variable, value, expected) in [
            ("EKS_CLUSTER_NAME", "", "EKS_CLUSTER_NAME must be the name of an EKS cluster"),
            ("EKS_CLUSTER_NAME", "canary/x", "EKS_CLUSTER_NAME must be the name of an EKS cluster"),
            ("SYNC_TIMEOUT_SECONDS", "canary", "SYNC_TIMEOUT_SECONDS must be a whole number from 1 to 600"),
            ("SYNC_TIMEOUT_SECONDS", "0", "SYNC_TIMEOUT_SECONDS must be a whole number from 1 to 600"),
            ("WRITE_RECEIPT", "canary", "WRITE_RECEIPT must be `true` or `false`"),
            ("CALL_TIMEOUT_SECONDS", "21", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
        ] {
            let error = read(&[(variable, value)]).err().unwrap_or_default();
            assert!(error.contains(expected), "{variable}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

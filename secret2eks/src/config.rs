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
    /// The key of the tag of secrets that are rotated, which need a receipt (`ROTATION_TAG_KEY`).
    pub rotation_tag_key: String,
    /// What the ARNs of this function's secrets begin with (`SECRETS_ARN_PREFIX`). Objects of other secrets are never taken
    /// back.
    pub secrets_arn_prefix: String,
    /// How many objects one reconcile may take back at most (`TAKE_BACK_LIMIT`). If it is 0, single events take none back
    /// either.
    pub take_back_limit: usize,
    /// The name of this function, which requests deliveries from itself. Lambda sets it.
    pub function: Option<String>,
    /// The function that checks the login of a version that somebody stored by hand (`INSPECT_FUNCTION`). Without one, no
    /// version is checked.
    pub inspect: Option<String>,
    /// The longest time for one call to AWS or to the cluster (`CALL_TIMEOUT_SECONDS`).
    pub call_timeout: Duration,
}

const CLUSTER_NAME: Form =
    Form { expected: "the name of an EKS cluster: letters, digits, `-` and `_`", fits: is_cluster_name };
const CLUSTER_NAME_LIMIT: usize = 100;
const ARN_PREFIX: Form = Form {
    expected: "what the ARNs of secrets begin with: `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:PREFIX`",
    fits: is_arn_prefix,
};
/// None at all, or as many as a large cluster holds.
const TAKE_BACK_LIMITS: std::ops::RangeInclusive<usize> = 0..=100_000;
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
            rotation_tag_key: environment.text("ROTATION_TAG_KEY", "rotation-mq"),
            secrets_arn_prefix: environment.required("SECRETS_ARN_PREFIX", ARN_PREFIX)?,
            take_back_limit: environment.number("TAKE_BACK_LIMIT", 0, &TAKE_BACK_LIMITS)?,
            function: environment.optional("AWS_LAMBDA_FUNCTION_NAME"),
            inspect: environment.optional("INSPECT_FUNCTION"),
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

/// All fields have a value, also the prefix: an empty one would make every secret of the account this function's.
fn is_arn_prefix(text: &str) -> bool {
    let fields: Vec<&str> = text.splitn(7, ':').collect();
    matches!(fields.as_slice(), ["arn", _, "secretsmanager", _, _, "secret", _])
        && fields.iter().all(|field| !field.is_empty() && !field.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/";
    const DEFAULTS: &[(&str, &str)] = &[("EKS_CLUSTER_NAME", "shop"), ("SECRETS_ARN_PREFIX", PREFIX)];

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let environment = Environment::of(&[changes, DEFAULTS].concat());
        Config::read(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_when_only_the_cluster_and_the_secrets_are_given() -> Result<(), String> {
        let config = read(&[])?;
        assert_eq!(config.sync_timeout, Duration::from_secs(60));
        assert_eq!(config.call_timeout, Duration::from_secs(8));
        assert!(config.write_receipt);
        assert_eq!((config.rotation_tag_key.as_str(), config.take_back_limit), ("rotation-mq", 0));
        assert_eq!(config.secrets_arn_prefix, PREFIX);
        assert_eq!(config.inspect, None);
        assert_eq!(
            read(&[("INSPECT_FUNCTION", "rotation-inspect")])?.inspect.as_deref(),
            Some("rotation-inspect")
        );
        Ok(())
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected_and_is_not_quoted() {
        for (variable, value, expected) in [
            ("EKS_CLUSTER_NAME", "", "EKS_CLUSTER_NAME must be the name of an EKS cluster"),
            ("EKS_CLUSTER_NAME", "canary/x", "EKS_CLUSTER_NAME must be the name of an EKS cluster"),
            ("SYNC_TIMEOUT_SECONDS", "canary", "SYNC_TIMEOUT_SECONDS must be a whole number from 1 to 600"),
            ("SYNC_TIMEOUT_SECONDS", "0", "SYNC_TIMEOUT_SECONDS must be a whole number from 1 to 600"),
            (
                "SECRETS_ARN_PREFIX",
                "canary",
                "SECRETS_ARN_PREFIX must be what the ARNs of secrets begin with",
            ),
            (
                "SECRETS_ARN_PREFIX",
                "arn:aws:secretsmanager:eu-central-1:123456789012:secret:",
                "SECRETS_ARN_PREFIX must be what the ARNs of secrets begin with",
            ),
            ("TAKE_BACK_LIMIT", "-1", "TAKE_BACK_LIMIT must be a whole number from 0 to 100000"),
            ("WRITE_RECEIPT", "canary", "WRITE_RECEIPT must be `true` or `false`"),
            ("CALL_TIMEOUT_SECONDS", "21", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
        ] {
            let error = read(&[(variable, value)]).err().unwrap_or_default();
            assert!(error.contains(expected), "{variable}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

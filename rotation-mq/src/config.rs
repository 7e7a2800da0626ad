//! The function's environment, read once at the start and turned into types.

use std::time::Duration;

use lambda_boundary::{CALL_TIMEOUTS_SECONDS, ConfigError, Environment, Form, wrong};

use crate::event::Actions;
use crate::name_prefixes::NamePrefixes;
use crate::rotation_tag::RotationTag;
use crate::tls::BrokerRoots;

/// What to do when somebody is still connected as the user that is about to be reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleConnections {
    /// Name them in the log and continue: a password change does not close connections.
    Report,
    /// Close them once the password has changed.
    Close,
    /// Fail the step with `connections.in_use`.
    Refuse,
}

/// The function's configuration.
#[derive(Debug)]
pub struct Config {
    /// Which events this deployment takes (`ACTIONS`).
    pub actions: Actions,
    /// Topic for failure notices (`DEAD_LETTER_TOPIC_ARN`).
    pub dead_letter_topic: String,
    /// Name or ARN of secret2eks (`SECRET2EKS_FUNCTION`); none when unset.
    pub secret2eks_function: Option<String>,
    /// The tag that a secret must have (`ROTATION_TAG_KEY`, `ROTATION_TAG_VALUE`). It is not checked if both are unset.
    pub rotation_tag: Option<RotationTag>,
    /// Characters of a new password (`PASSWORD_LENGTH`).
    pub password_length: usize,
    /// `STALE_CONNECTIONS`.
    pub stale_connections: StaleConnections,
    /// What the names of secrets begin with (`SECRET_NAME_PREFIX`, `ADMIN_SECRET_NAME_PREFIX`).
    pub prefixes: NamePrefixes,
    /// The certificate authorities that a broker's certificate may come from.
    pub broker_roots: BrokerRoots,
    /// The longest time for one call to AWS or to the broker (`CALL_TIMEOUT_SECONDS`).
    pub call_timeout: Duration,
    /// How long the endpoints of a broker are remembered (`ENDPOINTS_SECONDS`); not at all with 0.
    pub endpoints_kept: Duration,
}

const DEFAULT_PASSWORD_LENGTH: usize = 40;
/// Amazon MQ accepts 12 to 250 characters. With this alphabet, fewer than 32 are not enough.
const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 32..=250;
const DEFAULT_CALL_TIMEOUT_SECONDS: u64 = 8;
/// They change when a broker is made public or private.
const DEFAULT_ENDPOINTS_SECONDS: u64 = 600;
const ENDPOINTS_SECONDS: std::ops::RangeInclusive<u64> = 0..=3_600;

impl Config {
    /// Reads the configuration. `file` reads a text file.
    ///
    /// # Errors
    /// Names the first variable that is missing or wrong, and what is expected.
    pub fn read(
        environment: &Environment,
        file: impl Fn(&str) -> std::io::Result<String>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            dead_letter_topic: dead_letter_topic(environment)?,
            actions: environment.choice(
                "ACTIONS",
                [("rotate", Actions::Rotate), ("incident", Actions::Incident), ("inspect", Actions::Inspect)],
            )?,
            stale_connections: environment.choice(
                "STALE_CONNECTIONS",
                [
                    ("report", StaleConnections::Report),
                    ("close", StaleConnections::Close),
                    ("refuse", StaleConnections::Refuse),
                ],
            )?,
            broker_roots: broker_roots(environment, file)?,
            rotation_tag: rotation_tag(environment)?,
            secret2eks_function: environment.optional("SECRET2EKS_FUNCTION"),
            password_length: environment.number(
                "PASSWORD_LENGTH",
                DEFAULT_PASSWORD_LENGTH,
                &PASSWORD_LENGTHS,
            )?,
            prefixes: NamePrefixes::read(environment)?,
            call_timeout: call_timeout(environment)?,
            endpoints_kept: endpoints_kept(environment)?,
        })
    }
}

/// The topic for failure notices. It is also needed to report that the rest of the configuration is wrong.
///
/// # Errors
/// When it is not an SNS topic's ARN.
pub fn dead_letter_topic(environment: &Environment) -> Result<String, ConfigError> {
    environment.required("DEAD_LETTER_TOPIC_ARN", Form::TOPIC_ARN)
}

/// The longest time for one call to AWS or to the broker.
///
/// # Errors
/// When it is out of its range.
pub fn call_timeout(environment: &Environment) -> Result<Duration, ConfigError> {
    environment.seconds("CALL_TIMEOUT_SECONDS", DEFAULT_CALL_TIMEOUT_SECONDS, &CALL_TIMEOUTS_SECONDS)
}

/// How long the endpoints of a broker are remembered.
///
/// # Errors
/// When it is out of its range.
pub fn endpoints_kept(environment: &Environment) -> Result<Duration, ConfigError> {
    environment.seconds("ENDPOINTS_SECONDS", DEFAULT_ENDPOINTS_SECONDS, &ENDPOINTS_SECONDS)
}

/// The certificate authorities that a broker's certificate may come from. `file` reads a text file.
///
/// # Errors
/// When the bundle cannot be read or holds no certificate.
pub fn broker_roots(
    environment: &Environment,
    file: impl Fn(&str) -> std::io::Result<String>,
) -> Result<BrokerRoots, ConfigError> {
    let Some(path) = environment.optional("BROKER_CA_BUNDLE") else {
        return Ok(BrokerRoots::web());
    };
    file(&path).ok().and_then(|pem| BrokerRoots::web_and(&pem).ok()).ok_or_else(|| {
        wrong("BROKER_CA_BUNDLE", "the path of a readable PEM file with at least one certificate")
    })
}

/// The tag that a secret must have.
///
/// # Errors
/// When only its key or only its value is set.
pub fn rotation_tag(environment: &Environment) -> Result<Option<RotationTag>, ConfigError> {
    match (environment.optional("ROTATION_TAG_KEY"), environment.optional("ROTATION_TAG_VALUE")) {
        (None, None) => Ok(None),
        (Some(key), Some(value)) => Ok(Some(RotationTag { key, value })),
        (None, _) => Err(wrong("ROTATION_TAG_KEY", "set, because ROTATION_TAG_VALUE is")),
        (_, None) => Err(wrong("ROTATION_TAG_VALUE", "set, because ROTATION_TAG_KEY is")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::NOTICE_RESERVE;

    const DEFAULTS: &[(&str, &str)] =
        &[("DEAD_LETTER_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:dead-letters")];

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let environment = Environment::of(&[changes, DEFAULTS].concat());
        Config::read(&environment, |_| Ok("no certificate".to_owned())).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_when_only_the_topic_is_given() -> Result<(), String> {
        let config = read(&[])?;
        assert_eq!(config.actions, Actions::Rotate);
        assert_eq!(config.password_length, 40);
        assert_eq!(config.stale_connections, StaleConnections::Report);
        assert_eq!(config.call_timeout, Duration::from_secs(8));
        assert_eq!(config.endpoints_kept, Duration::from_mins(10));
        assert_eq!(config.secret2eks_function, None);
        assert_eq!(config.rotation_tag, None);
        Ok(())
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected_and_is_not_quoted() {
        let topic = "DEAD_LETTER_TOPIC_ARN must be the ARN of an SNS topic";
        let cases = [
            ("DEAD_LETTER_TOPIC_ARN", "", topic),
            ("DEAD_LETTER_TOPIC_ARN", "canary", topic),
            ("DEAD_LETTER_TOPIC_ARN", "arn:aws:sqs:eu-central-1:123456789012:canary", topic),
            ("ACTIONS", "canary", "ACTIONS must be `rotate`, `incident` or `inspect`"),
            ("STALE_CONNECTIONS", "canary", "STALE_CONNECTIONS must be `report`, `close` or `refuse`"),
            ("PASSWORD_LENGTH", "canary", "PASSWORD_LENGTH must be a whole number from 32 to 250"),
            ("PASSWORD_LENGTH", "31", "PASSWORD_LENGTH must be a whole number from 32 to 250"),
            ("PASSWORD_LENGTH", "251", "PASSWORD_LENGTH must be a whole number from 32 to 250"),
            ("CALL_TIMEOUT_SECONDS", "0", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
            ("CALL_TIMEOUT_SECONDS", "21", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
            ("ROTATION_TAG_KEY", "canary", "ROTATION_TAG_VALUE must be set, because ROTATION_TAG_KEY is"),
            ("ROTATION_TAG_VALUE", "canary", "ROTATION_TAG_KEY must be set, because ROTATION_TAG_VALUE is"),
            ("BROKER_CA_BUNDLE", "/canary", "BROKER_CA_BUNDLE must be the path of a readable PEM file"),
        ];
        for (variable, value, expected) in cases {
            let error = read(&[(variable, value)]).err().unwrap_or_default();
            assert!(error.contains(expected), "{variable}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_call_ends_before_the_shortest_step_that_the_template_allows() {
        let template = include_str!("../../infra/template.yaml");
        let bound = |parameter: &str, key: &str| -> Option<u64> {
            let (_, rest) = template.split_once(&format!("\n  {parameter}:\n"))?;
            rest.split_once(&format!("    {key}: "))?.1.lines().next()?.parse().ok()
        };
        let longest = *CALL_TIMEOUTS_SECONDS.end();
        assert_eq!(bound("CallTimeoutSeconds", "MaxValue"), Some(longest));
        let shortest = bound("TimeoutSeconds", "MinValue");
        assert!(
            shortest.is_some_and(|shortest| longest + NOTICE_RESERVE.as_secs() < shortest),
            "{shortest:?}"
        );
    }
}

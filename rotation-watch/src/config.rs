//! The function's environment, read once at the start and turned into types.

use std::time::Duration;

use jiff::SignedDuration;
use lambda_boundary::{CALL_TIMEOUTS_SECONDS, ConfigError, Environment, Form};

/// The function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The topic for messages to owners (`ALERT_TOPIC_ARN`).
    pub alert_topic: String,
    /// The table that stores what owners were notified of (`INCIDENTS_TABLE`).
    pub table: String,
    /// How long before its maximum age a secret is due (`DUE_WITHIN_DAYS`).
    pub due_within: SignedDuration,
    /// The tag of secrets that rotate by themselves (`ROTATION_TAG_KEY`).
    pub rotation_tag: String,
    /// Where the playbooks are (`PLAYBOOK_URL`).
    pub playbooks: String,
    /// The longest time for one call to AWS (`CALL_TIMEOUT_SECONDS`).
    pub call_timeout: Duration,
}

const DEFAULT_DUE_WITHIN_DAYS: u32 = 7;
const DUE_WITHIN_DAYS: std::ops::RangeInclusive<u32> = 1..=365;
const DEFAULT_CALL_TIMEOUT_SECONDS: u64 = 8;

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Names the first variable that is missing or wrong, and what is expected.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let days = environment.number("DUE_WITHIN_DAYS", DEFAULT_DUE_WITHIN_DAYS, &DUE_WITHIN_DAYS)?;
        let playbooks = environment.text("PLAYBOOK_URL", "infra/playbooks");
        Ok(Self {
            alert_topic: environment.required("ALERT_TOPIC_ARN", Form::TOPIC_ARN)?,
            table: environment.required("INCIDENTS_TABLE", Form::TABLE_NAME)?,
            due_within: SignedDuration::from_hours(24 * i64::from(days)),
            rotation_tag: environment.text("ROTATION_TAG_KEY", "rotation-mq"),
            playbooks: playbooks.trim_end_matches('/').to_owned(),
            call_timeout: environment.seconds(
                "CALL_TIMEOUT_SECONDS",
                DEFAULT_CALL_TIMEOUT_SECONDS,
                &CALL_TIMEOUTS_SECONDS,
            )?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &[(&str, &str)] = &[
        ("ALERT_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:alerts"),
        ("INCIDENTS_TABLE", "rotation-incidents"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let environment = Environment::of(&[changes, DEFAULTS].concat());
        Config::read(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_when_only_the_places_are_given() -> Result<(), String> {
        let config = read(&[])?;
        assert_eq!(config.due_within, SignedDuration::from_hours(7 * 24));
        assert_eq!(config.rotation_tag, "rotation-mq");
        Ok(())
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected_and_is_not_quoted() {
        for (variable, value, expected) in [
            ("ALERT_TOPIC_ARN", "canary", "ALERT_TOPIC_ARN must be the ARN of an SNS topic"),
            ("INCIDENTS_TABLE", "canary/", "INCIDENTS_TABLE must be the name of a DynamoDB table"),
            ("DUE_WITHIN_DAYS", "0", "DUE_WITHIN_DAYS must be a whole number from 1 to 365"),
            ("DUE_WITHIN_DAYS", "canary", "DUE_WITHIN_DAYS must be a whole number from 1 to 365"),
            ("CALL_TIMEOUT_SECONDS", "21", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
        ] {
            let error = read(&[(variable, value)]).err().unwrap_or_default();
            assert!(error.contains(expected), "{variable}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

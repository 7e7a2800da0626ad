//! The function's environment, read once at the start and turned into types.

use std::time::Duration;

use jiff::SignedDuration;
use lambda_boundary::{CALL_TIMEOUTS_SECONDS, ConfigError, is_arn_of, is_table, number, wrong};

/// The function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where people are told (`ALERT_TOPIC_ARN`).
    pub alert_topic: String,
    /// Where it is remembered what was told (`INCIDENTS_TABLE`).
    pub table: String,
    /// How long before the end a secret is due (`DUE_WITHIN_DAYS`).
    pub due_within: SignedDuration,
    /// The tag of secrets that are rotated by themselves (`ROTATION_TAG_KEY`).
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
    /// Reads the configuration. `variable` looks up an environment variable.
    ///
    /// # Errors
    /// Names the first variable that is missing or wrong, and what is expected.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        // An empty variable is an unset one: templates cannot always leave a variable out.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let topic = variable("ALERT_TOPIC_ARN").filter(|arn| is_arn_of("sns", arn));
        let table = variable("INCIDENTS_TABLE").filter(|name| is_table(name));
        let days = number(
            "DUE_WITHIN_DAYS",
            variable("DUE_WITHIN_DAYS"),
            DEFAULT_DUE_WITHIN_DAYS,
            &DUE_WITHIN_DAYS,
        )?;
        let seconds = number(
            "CALL_TIMEOUT_SECONDS",
            variable("CALL_TIMEOUT_SECONDS"),
            DEFAULT_CALL_TIMEOUT_SECONDS,
            &CALL_TIMEOUTS_SECONDS,
        )?;
        let playbooks = variable("PLAYBOOK_URL").unwrap_or_else(|| "infra/playbooks".to_owned());
        Ok(Self {
            alert_topic: topic.ok_or_else(|| wrong("ALERT_TOPIC_ARN", "the ARN of an SNS topic"))?,
            table: table.ok_or_else(|| wrong("INCIDENTS_TABLE", "the name of a DynamoDB table"))?,
            due_within: SignedDuration::from_hours(24 * i64::from(days)),
            rotation_tag: variable("ROTATION_TAG_KEY").unwrap_or_else(|| "rotation-mq".to_owned()),
            playbooks: playbooks.trim_end_matches('/').to_owned(),
            call_timeout: Duration::from_secs(seconds),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let mut variables = vec![
            ("ALERT_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:alerts"),
            ("INCIDENTS_TABLE", "rotation-incidents"),
        ];
        variables.splice(0..0, changes.iter().copied());
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(variable).map_err(|error| error.to_string())
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

//! The function's environment, read once at the start and turned into types.

use std::time::Duration;

use jiff::SignedDuration;
use lambda_boundary::{CALL_TIMEOUTS_SECONDS, ConfigError, Environment, Form};

use crate::watched::Secret;

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
    /// The function that inspects secrets, and the topic for what it finds (`INSPECT_FUNCTION`, `DEAD_LETTER_TOPIC_ARN`).
    /// Without the function, no secret is inspected.
    pub inspect: Option<(String, String)>,
    /// The prefixes of the names of secrets that the function may inspect (`SECRET_NAME_PREFIX`,
    /// `ADMIN_SECRET_NAME_PREFIX`). Without prefixes, all names are inspected.
    pub prefixes: Vec<String>,
    /// The name of this function. Lambda sets it.
    pub function: String,
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
            inspect: match environment.optional("INSPECT_FUNCTION") {
                Some(function) => {
                    Some((function, environment.required("DEAD_LETTER_TOPIC_ARN", Form::TOPIC_ARN)?))
                }
                None => None,
            },
            prefixes: ["SECRET_NAME_PREFIX", "ADMIN_SECRET_NAME_PREFIX"]
                .into_iter()
                .filter_map(|name| environment.optional(name))
                .collect(),
            function: environment.text("AWS_LAMBDA_FUNCTION_NAME", "rotation-watch"),
            playbooks: playbooks.trim_end_matches('/').to_owned(),
            call_timeout: environment.seconds(
                "CALL_TIMEOUT_SECONDS",
                DEFAULT_CALL_TIMEOUT_SECONDS,
                &CALL_TIMEOUTS_SECONDS,
            )?,
        })
    }

    /// Whether the secret is rotated by this stack. Another stack of the region may use the same tag.
    #[must_use]
    pub fn may_inspect(&self, secret: &Secret) -> bool {
        let is_own =
            |name: &str| self.prefixes.is_empty() || self.prefixes.iter().any(|own| name.starts_with(own));
        secret.rotation_enabled && secret.tags.get(&self.rotation_tag).is_some() && is_own(&secret.name)
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
    fn a_secret_is_inspected_if_this_stack_rotates_it() -> Result<(), String> {
        let own =
            read(&[("SECRET_NAME_PREFIX", "rabbitmq/"), ("ADMIN_SECRET_NAME_PREFIX", "rabbitmq-admin/")])?;
        let all = read(&[])?;
        for (name, tag, rotated, expected) in [
            ("rabbitmq/payment", "rotation-mq", true, true),
            ("rabbitmq-admin/shop", "rotation-mq", true, true),
            ("rabbitmq/payment", "rotation-mq", false, false),
            ("rabbitmq/payment", "rotation-watch/owner", true, false),
            ("other/payment", "rotation-mq", true, false),
        ] {
            let tags = [(tag.to_owned(), "rotate".to_owned())].into_iter().collect();
            let secret = Secret { tags, rotation_enabled: rotated, ..Secret::example(name) };
            assert_eq!(own.may_inspect(&secret), expected, "{name} {tag} {rotated}");
            assert_eq!(all.may_inspect(&secret), rotated && tag == "rotation-mq", "{name} {tag} {rotated}");
        }
        Ok(())
    }

    #[test]
    fn what_an_inspection_finds_needs_a_topic() -> Result<(), String> {
        let function = ("INSPECT_FUNCTION", "rotation-inspect");
        assert_eq!(read(&[])?.inspect, None);
        let error = read(&[function]).err().unwrap_or_default();
        assert!(error.contains("DEAD_LETTER_TOPIC_ARN must be the ARN of an SNS topic"), "{error}");
        let topic = "arn:aws:sns:eu-central-1:123456789012:dead-letters";
        let both = read(&[function, ("DEAD_LETTER_TOPIC_ARN", topic)])?.inspect;
        assert_eq!(both, Some(("rotation-inspect".to_owned(), topic.to_owned())));
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

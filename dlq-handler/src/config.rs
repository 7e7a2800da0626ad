//! The function's environment, read once at the start and turned into types.

use std::time::Duration;

use lambda_boundary::{CALL_TIMEOUTS_SECONDS, ConfigError, is_arn_of, is_table, number, wrong};

use crate::remedy::LONGEST_DELAY;
use crate::way::Queues;
use crate::wording::Places;

/// The function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where people are told (`ALERT_TOPIC_ARN`).
    pub alert_topic: String,
    /// The table of incidents (`INCIDENTS_TABLE`).
    pub incidents_table: String,
    /// The queue for what has to wait (`OWN_QUEUE_URL`, or `DEAD_LETTER_QUEUE_URL` where there is one queue for all).
    pub own_queue: String,
    /// Which queue is whose.
    pub queues: Queues,
    /// The event bus that other systems listen to; the default one without a name (`EVENT_BUS_NAME`).
    pub event_bus: Option<String>,
    /// Alerts of one area in an hour that may be about what does not exist (`ALERTS_PER_HOUR`).
    pub alerts_per_hour: u64,
    /// The names of the stack's functions and alarms; alerts about them are always sent (`OWN_NAMES`).
    pub own_names: Vec<String>,
    /// Key and value of the tag of secrets that are rotated (`ROTATION_TAG_KEY`, `ROTATION_TAG_VALUE`).
    pub rotation_tag: (String, String),
    /// What the names of the stack's secrets begin with (`SECRET_NAME_PREFIX`, `ADMIN_SECRET_NAME_PREFIX`); any unless both
    /// are set.
    pub secret_name_prefixes: Vec<String>,
    /// The name of this function, by which its looks are counted (`AWS_LAMBDA_FUNCTION_NAME`).
    pub function: String,
    /// Where the playbooks are (`PLAYBOOK_URL`) and who delivers (`SECRET2EKS_FUNCTION`).
    pub places: Places,
    /// How long a failure waits for a message that says more (`GRACE_SECONDS`).
    pub grace: Duration,
    /// The pause before a delivery is requested the second time (`REDELIVERY_DELAY_SECONDS`).
    pub redelivery_delay: Duration,
    /// The longest time for one call to AWS (`CALL_TIMEOUT_SECONDS`).
    pub call_timeout: Duration,
}

const DEFAULT_PLAYBOOKS: &str = "infra/playbooks";
/// CloudTrail's events come by another way than notices, and either may come first.
const DEFAULT_GRACE_SECONDS: u64 = 20;
const DEFAULT_REDELIVERY_DELAY_SECONDS: u64 = 30;
const DEFAULT_ALERTS_PER_HOUR: u64 = 60;
const DEFAULT_CALL_TIMEOUT_SECONDS: u64 = 5;

/// Where each sender has its queue.
const SEPARATE: [&str; 3] = ["RULE_QUEUE_ARN", "OWN_QUEUE_ARN", "OWN_QUEUE_URL"];

impl Config {
    /// Reads the configuration. `variable` looks up an environment variable.
    ///
    /// # Errors
    /// Names the first variable that is missing or wrong, and what is expected.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        // An empty variable is an unset one: templates cannot always leave a variable out.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let required = |name: &'static str, expected: &str, fits: fn(&str) -> bool| {
            variable(name).filter(|value| fits(value)).ok_or_else(|| wrong(name, expected))
        };
        let seconds = |name: &'static str, default: u64, allowed: std::ops::RangeInclusive<u64>| {
            number(name, variable(name), default, &allowed).map(Duration::from_secs)
        };
        let queue = |name: &'static str| match variable(name) {
            Some(arn) if !is_arn_of("sqs", &arn) => Err(wrong(name, "the ARN of an SQS queue")),
            arn => Ok(arn),
        };
        let own_queue =
            if variable("OWN_QUEUE_URL").is_some() { "OWN_QUEUE_URL" } else { "DEAD_LETTER_QUEUE_URL" };
        // Believed are only messages of the right queue, so none of them may be forgotten.
        if SEPARATE.iter().any(|name| variable(name).is_some())
            && let Some(name) = SEPARATE.iter().find(|name| variable(name).is_none())
        {
            return Err(wrong(name, &format!("set, because {} go together", SEPARATE.join(", "))));
        }
        let playbooks = variable("PLAYBOOK_URL").unwrap_or_else(|| DEFAULT_PLAYBOOKS.to_owned());
        Ok(Self {
            alert_topic: required("ALERT_TOPIC_ARN", "the ARN of an SNS topic", |arn| is_arn_of("sns", arn))?,
            incidents_table: required("INCIDENTS_TABLE", "the name of a DynamoDB table", is_table)?,
            own_queue: required(own_queue, "the URL of an SQS queue", |url| {
                url.starts_with("https://") || url.starts_with("http://")
            })?,
            queues: Queues {
                rule: queue("RULE_QUEUE_ARN")?,
                own: queue("OWN_QUEUE_ARN")?,
                delivery: queue("DELIVERY_QUEUE_ARN")?,
            },
            event_bus: variable("EVENT_BUS_NAME"),
            alerts_per_hour: number(
                "ALERTS_PER_HOUR",
                variable("ALERTS_PER_HOUR"),
                DEFAULT_ALERTS_PER_HOUR,
                &(1..=10_000),
            )?,
            own_names: names(&variable("OWN_NAMES").unwrap_or_default()),
            rotation_tag: (
                variable("ROTATION_TAG_KEY").unwrap_or_else(|| "rotation-mq".to_owned()),
                variable("ROTATION_TAG_VALUE").unwrap_or_else(|| "rotate".to_owned()),
            ),
            secret_name_prefixes: match (variable("SECRET_NAME_PREFIX"), variable("ADMIN_SECRET_NAME_PREFIX"))
            {
                (Some(rotated), Some(admin)) => vec![rotated, admin],
                _ => Vec::new(),
            },
            function: variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
            places: Places {
                playbooks: playbooks.trim_end_matches('/').to_owned(),
                secret2eks: variable("SECRET2EKS_FUNCTION"),
            },
            grace: seconds("GRACE_SECONDS", DEFAULT_GRACE_SECONDS, 0..=LONGEST_DELAY.as_secs())?,
            redelivery_delay: seconds(
                "REDELIVERY_DELAY_SECONDS",
                DEFAULT_REDELIVERY_DELAY_SECONDS,
                0..=LONGEST_DELAY.as_secs(),
            )?,
            call_timeout: seconds(
                "CALL_TIMEOUT_SECONDS",
                DEFAULT_CALL_TIMEOUT_SECONDS,
                CALL_TIMEOUTS_SECONDS,
            )?,
        })
    }
}

/// Names, separated by commas.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let mut variables = vec![
            ("ALERT_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:alerts"),
            ("INCIDENTS_TABLE", "rotation-incidents"),
            ("DEAD_LETTER_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/dead-letters"),
        ];
        variables.splice(0..0, changes.iter().copied());
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(variable).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_when_only_the_places_are_given() -> Result<(), String> {
        let config = read(&[])?;
        assert_eq!(config.places, Places { playbooks: "infra/playbooks".to_owned(), secret2eks: None });
        assert_eq!(config.grace, Duration::from_secs(20));
        assert_eq!(config.redelivery_delay, Duration::from_secs(30));
        assert_eq!((config.queues, config.event_bus), (Queues::default(), None));
        assert!(config.own_queue.ends_with("/dead-letters"), "{}", config.own_queue);
        let (url, arn) = ("https://sqs.eu-central-1.amazonaws.com/123456789012/own", "arn:aws:sqs:x:1:own");
        let separate =
            [("OWN_QUEUE_URL", url), ("OWN_QUEUE_ARN", arn), ("RULE_QUEUE_ARN", "arn:aws:sqs:x:1:rule")];
        assert_eq!(read(&separate)?.own_queue, url);
        for forgotten in separate {
            let rest: Vec<_> = separate.into_iter().filter(|variable| *variable != forgotten).collect();
            let error = read(&rest).err().unwrap_or_default();
            assert!(error.contains(&format!("{} must be set", forgotten.0)), "{error}");
        }
        assert_eq!(config.own_names, Vec::<String>::new());
        assert_eq!(read(&[("OWN_NAMES", "a-errors, a-incident,")])?.own_names, ["a-errors", "a-incident"]);
        assert_eq!(read(&[("PLAYBOOK_URL", "https://wiki/")])?.places.playbooks, "https://wiki");
        Ok(())
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected_and_is_not_quoted() {
        for (variable, value, expected) in [
            ("ALERT_TOPIC_ARN", "", "ALERT_TOPIC_ARN must be the ARN of an SNS topic"),
            ("ALERT_TOPIC_ARN", "canary", "ALERT_TOPIC_ARN must be the ARN of an SNS topic"),
            ("INCIDENTS_TABLE", "canary/", "INCIDENTS_TABLE must be the name of a DynamoDB table"),
            ("DEAD_LETTER_QUEUE_URL", "canary", "DEAD_LETTER_QUEUE_URL must be the URL of an SQS queue"),
            ("DELIVERY_QUEUE_ARN", "canary", "DELIVERY_QUEUE_ARN must be the ARN of an SQS queue"),
            ("ALERTS_PER_HOUR", "0", "ALERTS_PER_HOUR must be a whole number from 1 to 10000"),
            ("GRACE_SECONDS", "901", "GRACE_SECONDS must be a whole number from 0 to 900"),
            (
                "REDELIVERY_DELAY_SECONDS",
                "-1",
                "REDELIVERY_DELAY_SECONDS must be a whole number from 0 to 900",
            ),
            ("CALL_TIMEOUT_SECONDS", "canary", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
        ] {
            let error = read(&[(variable, value)]).err().unwrap_or_default();
            assert!(error.contains(expected), "{variable}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

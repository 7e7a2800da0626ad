//! The function's environment, read once at the start and turned into types.

use std::time::Duration;

use lambda_boundary::{CALL_TIMEOUTS_SECONDS, ConfigError, Environment, Form, wrong};

use crate::access::{Lists, Pattern};
use crate::remedy::LONGEST_DELAY;
use crate::way::Queues;
use crate::wording::Places;

/// The function's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The topic for alerts (`ALERT_TOPIC_ARN`).
    pub alert_topic: String,
    /// The table of incidents (`INCIDENTS_TABLE`).
    pub incidents_table: String,
    /// The queue for messages that have to wait (`OWN_QUEUE_URL`, or `DEAD_LETTER_QUEUE_URL` if there is one queue for all).
    pub own_queue: String,
    /// The queues of the senders.
    pub queues: Queues,
    /// Who may read the secrets, and who may change what protects them.
    pub lists: Lists,
    /// The event bus for other systems (`EVENT_BUS_NAME`). Without a name, it is the default bus.
    pub event_bus: Option<String>,
    /// The number of alerts of one area in an hour that may be about subjects that do not exist (`ALERTS_PER_HOUR`).
    pub alerts_per_hour: u64,
    /// The names of the stack's functions and alarms (`OWN_NAMES`). Alerts about them are always sent.
    pub own_names: Vec<String>,
    /// Key and value of the tag of secrets that are rotated (`ROTATION_TAG_KEY`, `ROTATION_TAG_VALUE`).
    pub rotation_tag: (String, String),
    /// The prefixes of the names of the stack's secrets (`SECRET_NAME_PREFIX`, `ADMIN_SECRET_NAME_PREFIX`). Unless both are
    /// set, every name is accepted.
    pub secret_name_prefixes: Vec<String>,
    /// The name of this function (`AWS_LAMBDA_FUNCTION_NAME`), a dimension of the metric of its hourly checks.
    pub function: String,
    /// Where the playbooks are (`PLAYBOOK_URL`), who delivers (`SECRET2EKS_FUNCTION`), and the stack, from the function's name.
    pub places: Places,
    /// How long a failure waits for a message that says more (`GRACE_SECONDS`).
    pub grace: Duration,
    /// The pause before a delivery is requested the second time (`REDELIVERY_DELAY_SECONDS`).
    pub redelivery_delay: Duration,
    /// The longest time for one call to AWS (`CALL_TIMEOUT_SECONDS`).
    pub call_timeout: Duration,
}

const DEFAULT_PLAYBOOKS: &str = "infra/playbooks";
/// The template names the function after its stack.
const NAME_IN_THE_STACK: &str = "-dlq-handler";
/// CloudTrail's events and notices come through different queues, and either may come first.
const DEFAULT_GRACE_SECONDS: u64 = 20;
const DEFAULT_REDELIVERY_DELAY_SECONDS: u64 = 30;
const DEFAULT_ALERTS_PER_HOUR: u64 = 60;
const ALERTS_PER_HOUR: std::ops::RangeInclusive<u64> = 1..=10_000;
const DEFAULT_CALL_TIMEOUT_SECONDS: u64 = 5;

/// The variables that are set if each sender has a queue of its own.
const SEPARATE: [&str; 3] = ["RULE_QUEUE_ARN", "OWN_QUEUE_ARN", "OWN_QUEUE_URL"];
const OTHERS: [&str; 4] = ["DELIVERY_QUEUE_ARN", "READ_QUEUE_ARN", "PROTECTION_QUEUE_ARN", "CLOSE_QUEUE_ARN"];

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Names the first variable that is missing or wrong, and what is expected.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        refuse_some_of_the_separate_queues(environment)?;
        let own_queue = match environment.optional("OWN_QUEUE_URL") {
            Some(_) => "OWN_QUEUE_URL",
            None => "DEAD_LETTER_QUEUE_URL",
        };
        let delays = 0..=LONGEST_DELAY.as_secs();
        let playbooks = environment.text("PLAYBOOK_URL", DEFAULT_PLAYBOOKS);
        let function = environment.text("AWS_LAMBDA_FUNCTION_NAME", "");
        let stack = function.strip_suffix(NAME_IN_THE_STACK).filter(|stack| !stack.is_empty());
        Ok(Self {
            alert_topic: environment.required("ALERT_TOPIC_ARN", Form::TOPIC_ARN)?,
            incidents_table: environment.required("INCIDENTS_TABLE", Form::TABLE_NAME)?,
            own_queue: environment.required(own_queue, Form::QUEUE_URL)?,
            queues: Queues {
                rule: environment.optional_of("RULE_QUEUE_ARN", Form::QUEUE_ARN)?,
                own: environment.optional_of("OWN_QUEUE_ARN", Form::QUEUE_ARN)?,
                delivery: environment.optional_of("DELIVERY_QUEUE_ARN", Form::QUEUE_ARN)?,
                reads: environment.optional_of("READ_QUEUE_ARN", Form::QUEUE_ARN)?,
                protection: environment.optional_of("PROTECTION_QUEUE_ARN", Form::QUEUE_ARN)?,
                close: environment.optional_of("CLOSE_QUEUE_ARN", Form::QUEUE_ARN)?,
            },
            lists: lists(environment)?,
            event_bus: environment.optional("EVENT_BUS_NAME"),
            alerts_per_hour: environment.number(
                "ALERTS_PER_HOUR",
                DEFAULT_ALERTS_PER_HOUR,
                &ALERTS_PER_HOUR,
            )?,
            own_names: names(&environment.text("OWN_NAMES", "")),
            rotation_tag: (
                environment.text("ROTATION_TAG_KEY", "rotation-mq"),
                environment.text("ROTATION_TAG_VALUE", "rotate"),
            ),
            secret_name_prefixes: secret_name_prefixes(environment),
            places: Places {
                playbooks: playbooks.trim_end_matches('/').to_owned(),
                secret2eks: environment.optional("SECRET2EKS_FUNCTION"),
                stack: stack.map(str::to_owned),
            },
            function,
            grace: environment.seconds("GRACE_SECONDS", DEFAULT_GRACE_SECONDS, &delays)?,
            redelivery_delay: environment.seconds(
                "REDELIVERY_DELAY_SECONDS",
                DEFAULT_REDELIVERY_DELAY_SECONDS,
                &delays,
            )?,
            call_timeout: environment.seconds(
                "CALL_TIMEOUT_SECONDS",
                DEFAULT_CALL_TIMEOUT_SECONDS,
                &CALL_TIMEOUTS_SECONDS,
            )?,
        })
    }
}

/// Only a message from the right queue is accepted, so all queues must be set.
fn refuse_some_of_the_separate_queues(environment: &Environment) -> Result<(), ConfigError> {
    let (set, missing): (Vec<&'static str>, Vec<&'static str>) =
        SEPARATE.into_iter().partition(|name| environment.optional(name).is_some());
    // These queues do not exist in every stack.
    let has_others = OTHERS.iter().any(|name| environment.optional(name).is_some());
    match missing.first() {
        Some(name) if has_others || !set.is_empty() => {
            Err(wrong(name, &format!("set, because {} go together", SEPARATE.join(", "))))
        }
        _ => Ok(()),
    }
}

/// A list that cannot be read must not be taken for an empty one.
fn lists(environment: &Environment) -> Result<Lists, ConfigError> {
    let patterns = |variable: &str| environment.optional(variable).map(|list| patterns(&list));
    let networks = names(&environment.text("INSIDE_NETWORKS", ""));
    let networks: Result<Vec<_>, _> = networks.iter().map(|network| network.parse()).collect();
    Ok(Lists {
        readers: patterns("SECRET_READERS"),
        administrators: patterns("SECRET_ADMINISTRATORS").unwrap_or_default(),
        endpoints: names(&environment.text("INSIDE_VPC_ENDPOINTS", "")),
        networks: networks
            .map_err(|_| wrong("INSIDE_NETWORKS", "networks in CIDR notation, separated by commas"))?,
        key: environment.optional("SECRETS_KEY_ARN"),
    })
}

fn patterns(list: &str) -> Vec<Pattern> {
    names(list).iter().map(|name| Pattern::new(name)).collect()
}

fn secret_name_prefixes(environment: &Environment) -> Vec<String> {
    match (environment.optional("SECRET_NAME_PREFIX"), environment.optional("ADMIN_SECRET_NAME_PREFIX")) {
        (Some(rotated), Some(admin)) => vec![rotated, admin],
        _ => Vec::new(),
    }
}

/// Names, separated by commas.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &[(&str, &str)] = &[
        ("ALERT_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:alerts"),
        ("INCIDENTS_TABLE", "rotation-incidents"),
        ("DEAD_LETTER_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/dead-letters"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let environment = Environment::of(&[changes, DEFAULTS].concat());
        Config::read(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_when_only_the_places_are_given() -> Result<(), String> {
        let config = read(&[])?;
        assert_eq!(
            config.places,
            Places { playbooks: "infra/playbooks".to_owned(), secret2eks: None, stack: None }
        );
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
        let delivery = ("DELIVERY_QUEUE_ARN", "arn:aws:sqs:x:1:delivery");
        for other in OTHERS {
            let error = read(&[(other, delivery.1)]).err().unwrap_or_default();
            assert!(error.contains("RULE_QUEUE_ARN must be set"), "{other}: {error}");
        }
        let all = [&separate[..], &[delivery]].concat();
        assert_eq!(read(&all)?.queues.delivery.as_deref(), Some(delivery.1));
        assert_eq!(config.own_names, Vec::<String>::new());
        assert_eq!(read(&[("OWN_NAMES", "a-errors, a-incident,")])?.own_names, ["a-errors", "a-incident"]);
        assert_eq!(read(&[("PLAYBOOK_URL", "https://wiki/")])?.places.playbooks, "https://wiki");
        let stack =
            |function| read(&[("AWS_LAMBDA_FUNCTION_NAME", function)]).map(|config| config.places.stack);
        assert_eq!(stack("rotation-dlq-handler")?.as_deref(), Some("rotation"));
        assert_eq!(stack("another-name")?, None);
        Ok(())
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected_and_is_not_quoted() {
        for (variable, value, expected) in [
            ("ALERT_TOPIC_ARN", "", "ALERT_TOPIC_ARN must be the ARN of an SNS topic"),
            ("ALERT_TOPIC_ARN", "canary", "ALERT_TOPIC_ARN must be the ARN of an SNS topic"),
            ("INCIDENTS_TABLE", "canary/", "INCIDENTS_TABLE must be the name of a DynamoDB table"),
            ("DEAD_LETTER_QUEUE_URL", "canary", "DEAD_LETTER_QUEUE_URL must be the URL of an SQS queue"),
            ("ALERTS_PER_HOUR", "0", "ALERTS_PER_HOUR must be a whole number from 1 to 10000"),
            ("GRACE_SECONDS", "901", "GRACE_SECONDS must be a whole number from 0 to 900"),
            (
                "REDELIVERY_DELAY_SECONDS",
                "-1",
                "REDELIVERY_DELAY_SECONDS must be a whole number from 0 to 900",
            ),
            ("INSIDE_NETWORKS", "10.0.0.0/8,canary", "INSIDE_NETWORKS must be networks in CIDR notation"),
            ("CALL_TIMEOUT_SECONDS", "canary", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
        ] {
            let error = read(&[(variable, value)]).err().unwrap_or_default();
            assert!(error.contains(expected), "{variable}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

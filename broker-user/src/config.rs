//! The function's environment, read once at the start and turned into types.

use std::collections::BTreeSet;
use std::time::Duration;

use lambda_boundary::{ConfigError, Environment, Form, wrong};
use rotation_mq::config as rotation;
use rotation_mq::grants::{ADMINISTRATOR_TAG, PROTECTED_TAG};
use rotation_mq::name_prefixes::NamePrefixes;
use rotation_mq::ownership::Mark;
use rotation_mq::rotation_tag::RotationTag;
use rotation_mq::tls::BrokerRoots;

use crate::ceiling::Ceiling;
use crate::properties::is_tag;

/// The function's configuration.
#[derive(Debug)]
pub struct Config {
    /// What deployments may ask for (`ALLOWED_SECRET_PREFIXES`, `ALLOWED_VHOSTS`, `ALLOWED_PATTERN_PREFIXES`,
    /// `ALLOWED_TAGS`).
    pub ceiling: Ceiling,
    /// Topic for failure notices (`DEAD_LETTER_TOPIC_ARN`).
    pub dead_letter_topic: String,
    /// The tag that a secret must have (`ROTATION_TAG_KEY`, `ROTATION_TAG_VALUE`). It is not checked if both are unset.
    pub rotation_tag: Option<RotationTag>,
    /// What the names of secrets begin with (`SECRET_NAME_PREFIX`, `ADMIN_SECRET_NAME_PREFIX`).
    pub prefixes: NamePrefixes,
    /// The certificate authorities that a broker's certificate may come from (`BROKER_CA_BUNDLE`).
    pub broker_roots: BrokerRoots,
    /// The longest time for one call to AWS or to the broker (`CALL_TIMEOUT_SECONDS`).
    pub call_timeout: Duration,
    /// How long the endpoints of a broker are remembered (`ENDPOINTS_SECONDS`); not at all with 0.
    pub endpoints_kept: Duration,
    /// Where the playbooks are (`PLAYBOOK_URL`).
    pub playbooks: String,
    /// An address of this machine that may get answers without TLS, for an emulator of CloudFormation (`RESPONSE_HOST`). It
    /// is not set on AWS.
    pub response_host: Option<String>,
}

/// Only the machine itself: a mistake in the environment cannot send an answer elsewhere without TLS.
const RESPONSE_HOST: Form = Form {
    expected: "`127.0.0.1:PORT` or `localhost:PORT`, for tests on one machine",
    fits: is_address_of_this_machine,
};

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
            dead_letter_topic: rotation::dead_letter_topic(environment)?,
            ceiling: ceiling(environment)?,
            rotation_tag: rotation::rotation_tag(environment)?,
            prefixes: NamePrefixes::read(environment)?,
            broker_roots: rotation::broker_roots(environment, file)?,
            call_timeout: rotation::call_timeout(environment)?,
            endpoints_kept: rotation::endpoints_kept(environment)?,
            playbooks: environment.text("PLAYBOOK_URL", "infra/playbooks").trim_end_matches('/').to_owned(),
            response_host: environment.optional_of("RESPONSE_HOST", RESPONSE_HOST)?,
        })
    }
}

fn ceiling(environment: &Environment) -> Result<Ceiling, ConfigError> {
    let secrets = list(&environment.text("ALLOWED_SECRET_PREFIXES", ""), is_of_a_name).ok_or_else(|| {
        let expected = "prefixes of the names of secrets, with a comma between two of them";
        wrong("ALLOWED_SECRET_PREFIXES", expected)
    })?;
    let vhosts = match environment.text("ALLOWED_VHOSTS", "*").as_str() {
        "*" => None,
        names => {
            let expected = "`*`, or names of vhosts with a comma between two of them";
            Some(list(names, |_| true).ok_or_else(|| wrong("ALLOWED_VHOSTS", expected))?)
        }
    };
    let prefixes = list(&environment.text("ALLOWED_PATTERN_PREFIXES", ""), is_literal).ok_or_else(|| {
        let expected = "prefixes of letters, digits, `_`, `:`, `/` and `-`, with a comma between two of them";
        wrong("ALLOWED_PATTERN_PREFIXES", expected)
    })?;
    let tags = list(&environment.text("ALLOWED_TAGS", ""), may_be_allowed).ok_or_else(|| {
        let expected = "tags with a comma between two of them, without `administrator`, `protected` and marks of secrets";
        wrong("ALLOWED_TAGS", expected)
    })?;
    Ok(Ceiling { secrets, vhosts, prefixes, tags })
}

/// The parts between commas. None if one is empty or does not fit.
fn list(text: &str, fits: impl Fn(&str) -> bool) -> Option<BTreeSet<String>> {
    if text.is_empty() {
        return Some(BTreeSet::new());
    }
    text.split(',').map(|part| (!part.is_empty() && fits(part)).then(|| part.to_owned())).collect()
}

/// Whether the name of a secret may have these characters.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
fn is_of_a_name(prefix: &str) -> bool {
    prefix.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))
}

/// Whether every character means itself in a pattern. A dot would match every character.
fn is_literal(prefix: &str) -> bool {
    prefix.chars().all(|c| c.is_ascii_alphanumeric() || "_:/-".contains(c))
}

fn may_be_allowed(tag: &str) -> bool {
    is_tag(tag) && ![ADMINISTRATOR_TAG, PROTECTED_TAG].contains(&tag) && !Mark::is_mark(tag)
}

fn is_address_of_this_machine(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        ["127.0.0.1", "localhost"].contains(&host) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &[(&str, &str)] =
        &[("DEAD_LETTER_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:dead-letters")];

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let environment = Environment::of(&[changes, DEFAULTS].concat());
        Config::read(&environment, |_| Ok("no certificate".to_owned())).map_err(|error| error.to_string())
    }

    fn set(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn without_a_ceiling_every_vhost_and_pattern_is_allowed_and_no_tag() -> Result<(), String> {
        let config = read(&[])?;
        let open = Ceiling { secrets: set(&[]), vhosts: None, prefixes: set(&[]), tags: set(&[]) };
        assert_eq!(config.ceiling, open);
        assert_eq!(config.response_host, None);
        assert_eq!(config.playbooks, "infra/playbooks");
        assert_eq!(config.endpoints_kept, Duration::from_mins(10));
        Ok(())
    }

    #[test]
    fn the_ceiling_is_read_from_lists() -> Result<(), String> {
        let config = read(&[
            ("ALLOWED_SECRET_PREFIXES", "rabbitmq/shop-,rabbitmq/pay"),
            ("ALLOWED_VHOSTS", "/,orders"),
            ("ALLOWED_PATTERN_PREFIXES", "payment,shared-"),
            ("ALLOWED_TAGS", "reporting,monitoring"),
        ])?;
        let expected = Ceiling {
            secrets: set(&["rabbitmq/pay", "rabbitmq/shop-"]),
            vhosts: Some(set(&["/", "orders"])),
            prefixes: set(&["payment", "shared-"]),
            tags: set(&["monitoring", "reporting"]),
        };
        assert_eq!(config.ceiling, expected);
        assert_eq!(read(&[("ALLOWED_VHOSTS", "*")])?.ceiling.vhosts, None);
        Ok(())
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_is_expected_and_is_not_quoted() {
        for (variable, value, expected) in [
            ("DEAD_LETTER_TOPIC_ARN", "canary", "DEAD_LETTER_TOPIC_ARN must be the ARN of an SNS topic"),
            ("ALLOWED_SECRET_PREFIXES", "canary*", "ALLOWED_SECRET_PREFIXES must be prefixes of the names"),
            ("ALLOWED_SECRET_PREFIXES", "canary,", "ALLOWED_SECRET_PREFIXES must be prefixes of the names"),
            ("ALLOWED_VHOSTS", "canary,", "ALLOWED_VHOSTS must be `*`, or names of vhosts"),
            ("ALLOWED_PATTERN_PREFIXES", "canary.", "ALLOWED_PATTERN_PREFIXES must be prefixes of letters"),
            ("ALLOWED_PATTERN_PREFIXES", "canary,,x", "ALLOWED_PATTERN_PREFIXES must be prefixes of letters"),
            ("ALLOWED_TAGS", "canary, x", "ALLOWED_TAGS must be tags"),
            ("ALLOWED_TAGS", "canary,administrator", "ALLOWED_TAGS must be tags"),
            ("ALLOWED_TAGS", "canary,protected", "ALLOWED_TAGS must be tags"),
            ("ALLOWED_TAGS", "canary,secret-0123456789abcdef", "ALLOWED_TAGS must be tags"),
            ("RESPONSE_HOST", "canary.example:443", "RESPONSE_HOST must be `127.0.0.1:PORT`"),
            ("RESPONSE_HOST", "http://localhost:1/canary", "RESPONSE_HOST must be `127.0.0.1:PORT`"),
            ("RESPONSE_HOST", "localhost", "RESPONSE_HOST must be `127.0.0.1:PORT`"),
            ("CALL_TIMEOUT_SECONDS", "21", "CALL_TIMEOUT_SECONDS must be a whole number from 1 to 20"),
            ("ROTATION_TAG_KEY", "canary", "ROTATION_TAG_VALUE must be set, because ROTATION_TAG_KEY is"),
        ] {
            let error = read(&[(variable, value)]).err().unwrap_or_default();
            assert!(error.contains(expected), "{variable}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

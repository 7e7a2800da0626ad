//! What Secrets Manager says about a secret beside its value, which this function may not read.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use contract::{Area, Kind};
use jiff::Timestamp;
use lambda_boundary::AwsError;

/// Secrets Manager.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    timeout: Duration,
}

/// What an alert says about a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecretFacts {
    /// When a rotation succeeded last.
    pub last_rotated: Option<Timestamp>,
    /// When the next one is due at the latest.
    pub next_rotation: Option<Timestamp>,
}

/// What is known of the subject of an incident.
#[derive(Debug)]
pub enum Standing {
    /// A secret that exists.
    Exists(SecretFacts),
    /// Secrets Manager knows no such secret, or none that the suite may rotate.
    Gone(AwsError),
    /// A secret, or none: Secrets Manager did not say.
    Unclear(AwsError),
    /// A function or an alarm of this stack, by its name (`OWN_NAMES`).
    Own,
    /// A function or an alarm of another name.
    NotOwn,
    /// None of these: a message, or what could not be compared with a name.
    NoSecret,
}

impl Standing {
    fn of(answer: Result<SecretFacts, AwsError>) -> Self {
        let is_gone = |error: &AwsError| {
            let codes = ["ResourceNotFoundException", "ValidationException", "InvalidParameterException"];
            error.kind() == Kind::AwsAccessDenied || codes.iter().any(|code| error.is(code))
        };
        match answer {
            Ok(facts) => Self::Exists(facts),
            Err(error) if is_gone(&error) => Self::Gone(error),
            Err(error) => Self::Unclear(error),
        }
    }

    /// What is known of a subject that is no secret. `own` are the names of the stack's functions and alarms; without any,
    /// nothing is known.
    #[must_use]
    pub fn by_name(subject: &str, area: Area, own: &[String]) -> Self {
        match area {
            Area::Function | Area::Alarm if own.iter().any(|name| name == subject) => Self::Own,
            Area::Function | Area::Alarm if !own.is_empty() => Self::NotOwn,
            _ => Self::NoSecret,
        }
    }

    /// What an alert says about the secret.
    #[must_use]
    pub fn facts(&self) -> Option<&SecretFacts> {
        match self {
            Self::Exists(facts) => Some(facts),
            Self::Gone(_) | Self::Unclear(_) | Self::Own | Self::NotOwn | Self::NoSecret => None,
        }
    }
}

impl SecretStore {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration) -> Self {
        Self { client: Client::new(config), timeout }
    }

    /// What is known of the secret `subject`, however it is named.
    pub async fn standing(&self, subject: &str) -> Standing {
        Standing::of(self.describe(subject).await)
    }

    /// `DescribeSecret`.
    ///
    /// # Errors
    /// When Secrets Manager does not answer, or the secret is out of this function's reach.
    async fn describe(&self, arn: &str) -> Result<SecretFacts, AwsError> {
        let answer =
            self.client.describe_secret().secret_id(arn).send().await.map_err(|error| {
                AwsError::from_sdk("Secrets Manager", "DescribeSecret", self.timeout, &error)
            })?;
        let time = |date: Option<aws_sdk_secretsmanager::primitives::DateTime>| {
            date.and_then(|date| Timestamp::from_second(date.secs()).ok())
        };
        Ok(SecretFacts {
            last_rotated: time(answer.last_rotated_date),
            next_rotation: time(answer.next_rotation_date),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_gone_only_when_secrets_manager_says_so() {
        let refused = |code: &str| {
            let (service, operation) = ("Secrets Manager", "DescribeSecret");
            let (code, message) = (code.to_owned(), String::new());
            Standing::of(Err(AwsError::Refused { service, operation, code, message }))
        };
        for code in ["ResourceNotFoundException", "AccessDeniedException", "ValidationException"] {
            assert!(matches!(refused(code), Standing::Gone(_)), "{code}");
        }
        for code in ["ThrottlingException", "InternalServiceError"] {
            assert!(matches!(refused(code), Standing::Unclear(_)), "{code}");
        }
        assert!(matches!(Standing::of(Ok(SecretFacts::default())), Standing::Exists(_)));
    }

    #[test]
    fn a_function_or_an_alarm_is_the_stacks_own_by_its_whole_name_only() {
        let own = ["rotation-rotation-mq".to_owned(), "rotation-incident-errors".to_owned()];
        let cases = [
            ("rotation-rotation-mq", Area::Function, "Own"),
            ("rotation-incident-errors", Area::Alarm, "Own"),
            ("rotation-foo", Area::Alarm, "NotOwn"),
            ("rotation-rotation-mq2", Area::Function, "NotOwn"),
            ("", Area::Function, "NotOwn"),
            ("rotation-rotation-mq", Area::Message, "NoSecret"),
        ];
        for (subject, area, expected) in cases {
            assert_eq!(format!("{:?}", Standing::by_name(subject, area, &own)), expected, "{subject}");
            assert!(matches!(Standing::by_name(subject, area, &[]), Standing::NoSecret), "{subject}");
        }
    }
}

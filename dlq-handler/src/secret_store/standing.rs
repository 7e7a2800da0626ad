//! What is known of the subject of an incident.

use contract::{Area, Kind};
use lambda_boundary::AwsError;

use super::SecretFacts;
use crate::message::function_of_reconcile;

/// What is known of the subject of an incident.
#[derive(Debug)]
pub enum Standing {
    /// A secret that exists.
    Exists(SecretFacts),
    /// Secrets Manager does not know such a secret, or the suite may not rotate it.
    Gone(AwsError),
    /// A secret that may exist or not, because Secrets Manager did not answer.
    Unclear(AwsError),
    /// A function or an alarm of this stack, by its name (`OWN_NAMES`).
    Own,
    /// A function or an alarm of another name.
    NotOwn,
    /// None of these: a message, or a subject that could not be compared with a name.
    NoSecret,
}

/// Whether Secrets Manager does not know such a secret, or the suite may not rotate it.
pub(super) fn is_gone(error: &AwsError) -> bool {
    let codes = ["ResourceNotFoundException", "ValidationException", "InvalidParameterException"];
    error.kind() == Kind::AwsAccessDenied || codes.iter().any(|code| error.is(code))
}

impl Standing {
    pub(super) fn of(answer: Result<SecretFacts, AwsError>) -> Self {
        match answer {
            Ok(facts) => Self::Exists(facts),
            Err(error) if is_gone(&error) => Self::Gone(error),
            Err(error) => Self::Unclear(error),
        }
    }

    /// What is known of a subject that is not a secret. `own` are the names of the stack's functions and alarms. Without
    /// names, nothing is known.
    #[must_use]
    pub fn by_name(subject: &str, area: Area, own: &[String]) -> Self {
        let subject = function_of_reconcile(subject).unwrap_or(subject);
        match area {
            Area::Function | Area::Alarm if own.iter().any(|name| name == subject) => Self::Own,
            Area::Function | Area::Alarm if !own.is_empty() => Self::NotOwn,
            _ => Self::NoSecret,
        }
    }

    /// Whether no success will close an incident in this area. A secret that is scheduled for deletion is delivered no more.
    #[must_use]
    pub fn has_left(&self, area: Area) -> bool {
        match self {
            Self::Exists(facts) => facts.is_deleted && area == Area::Delivery,
            Self::Gone(_) | Self::NotOwn => true,
            Self::Unclear(_) | Self::Own | Self::NoSecret => false,
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
    fn the_incident_of_a_delivery_also_ends_if_its_secret_is_scheduled_for_deletion() {
        let secret = |is_deleted| Standing::Exists(SecretFacts { is_deleted, ..SecretFacts::default() });
        let cases = [
            (secret(true), Area::Delivery, true),
            (secret(true), Area::Rotation, false),
            (secret(false), Area::Delivery, false),
            (Standing::NotOwn, Area::Alarm, true),
            (Standing::Own, Area::Alarm, false),
            (Standing::NoSecret, Area::Delivery, false),
        ];
        for (standing, area, expected) in cases {
            assert_eq!(standing.has_left(area), expected, "{standing:?} {area:?}");
        }
    }

    #[test]
    fn a_function_or_an_alarm_is_the_stacks_own_by_its_whole_name_only() {
        let own = ["rotation-rotation-mq".to_owned(), "rotation-incident-errors".to_owned()];
        let cases = [
            ("rotation-rotation-mq", Area::Function, "Own"),
            ("rotation-incident-errors", Area::Alarm, "Own"),
            ("rotation-foo", Area::Alarm, "NotOwn"),
            ("rotation-rotation-mq2", Area::Function, "NotOwn"),
            ("rotation-rotation-mq reconcile", Area::Function, "Own"),
            ("rotation-foo reconcile", Area::Function, "NotOwn"),
            ("", Area::Function, "NotOwn"),
            ("rotation-rotation-mq", Area::Message, "NoSecret"),
        ];
        for (subject, area, expected) in cases {
            assert_eq!(format!("{:?}", Standing::by_name(subject, area, &own)), expected, "{subject}");
            assert!(matches!(Standing::by_name(subject, area, &[]), Standing::NoSecret), "{subject}");
        }
    }
}

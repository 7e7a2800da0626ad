//! The three forms of events that the function accepts (`contract/schemas/broker-user-event.json`), read strictly. Pure.
//!
//! 1. CloudFormation's request for the custom resource `Custom::BrokerUser`. Its answer goes to the `ResponseURL`.
//! 2. Terraform's `aws_lambda_invocation` with `lifecycle_scope = "CRUD"`: the properties and `tf`. It gets the answer.
//! 3. `{"Action": "ensureUser"}` with the properties, from any other pipeline. It gets the answer.

use serde_json::Value;

use crate::decide::Purpose;
use crate::properties::{EventError, Fields, Identity, Wanted};

mod cloudformation;
mod ensure_user;
mod terraform;

pub use cloudformation::Envelope;

/// What the function is asked to do, and who gets the answer.
#[derive(Debug)]
pub struct Request {
    /// The name in logs and notices.
    pub action: &'static str,
    /// Where CloudFormation expects the answer. None if the caller waits for it.
    pub envelope: Option<Envelope>,
    /// What to do. A request of CloudFormation is answered even if its properties are wrong.
    pub work: Result<Work, EventError>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Create the user, or change its grants and those of the other user of its pair.
    Ensure {
        /// The user.
        wanted: Wanted,
        /// Whether it may exist already.
        purpose: Purpose,
        /// The user that it replaces, which nobody else deletes.
        replaced: Option<Identity>,
    },
    /// Delete both users of a pair.
    Delete {
        /// The user.
        identity: Identity,
        /// Whose id the request has.
        id: Id,
    },
    /// There is nothing to do.
    Nothing {
        /// Why.
        why: &'static str,
    },
}

/// Who made the physical id of a request to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    /// This function, when it created the user.
    Ours,
    /// CloudFormation, because a Create was cancelled or got no answer until its `ServiceTimeout`, or this function, because
    /// a Create may have left the user that it created.
    MadeUp,
}

/// Reads an event. `response_host` is one more host that an answer may be sent to.
///
/// # Errors
/// When the event has another form, or nobody can be answered.
pub fn parse(event: &Value, response_host: Option<&str>) -> Result<Request, EventError> {
    let fields = Fields::of_event(event)?;
    if fields.has("RequestType") {
        cloudformation::parse(&fields, response_host)
    } else if fields.has("tf") {
        terraform::parse(&fields)
    } else if fields.has("Action") {
        ensure_user::parse(&fields)
    } else {
        Err(EventError::UnknownForm)
    }
}

/// Whether an event, also a bad one, comes from CloudFormation. It waits for an answer to a URL, and gets no error.
#[must_use]
pub fn is_of_cloudformation(event: &Value) -> bool {
    event.get("RequestType").is_some()
}

/// The secret that an event names, also a bad one, for the notice about it.
#[must_use]
pub fn secret_hint(event: &Value) -> Option<&str> {
    let properties = event.get("ResourceProperties").unwrap_or(event);
    let secret = properties.get("SecretArn").and_then(Value::as_str);
    secret.filter(|secret| secret.len() <= 2_048 && secret.starts_with("arn:"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_no_known_form_is_refused() {
        for (event, expected) in [
            (json!(null), EventError::NotAnObject),
            (json!([]), EventError::NotAnObject),
            (json!({}), EventError::UnknownForm),
            (json!({"SecretArn": "arn", "Username": "payment"}), EventError::UnknownForm),
            (json!({"Step": "createSecret"}), EventError::UnknownForm),
        ] {
            assert_eq!(parse(&event, None).err(), Some(expected), "{event}");
        }
    }

    #[test]
    fn the_notice_about_a_bad_event_names_its_secret() {
        let long = format!("arn:{}", "x".repeat(2_048));
        for (event, expected) in [
            (json!({"SecretArn": "arn:x"}), Some("arn:x")),
            (json!({"ResourceProperties": {"SecretArn": "arn:x"}, "SecretArn": "arn:y"}), Some("arn:x")),
            (json!({"SecretArn": "payment"}), None),
            (json!({"SecretArn": long}), None),
            (json!({"SecretArn": 7}), None),
            (json!(null), None),
        ] {
            assert_eq!(secret_hint(&event), expected, "{event}");
        }
    }
}

//! The actions of an incident, which SecOps requests.

use serde::Deserialize;
use serde_json::Value;

use super::{Event, EventError, Fields, SECRET_ID_LIMIT, TOKEN_LENGTHS};

/// The actions of an incident.
pub(super) const ACTIONS: [&str; 2] = ["revokePrevious", "adopt"];

/// The fields in which people say who asks, and why. A function cannot see who invoked it. Only CloudTrail's data events
/// record this, so these fields hold what the caller says. They go into the log and into the answer.
const SAID: [(&str, std::ops::RangeInclusive<usize>, &str); 2] =
    [("By", 1..=256, "1 to 256"), ("Reason", 1..=512, "1 to 512")];

/// RabbitMQ's longest name, which is a short string of AMQP.
const USER_LENGTHS: std::ops::RangeInclusive<usize> = 1..=255;

/// The request to revoke a version whose credentials leaked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokePreviousEvent {
    #[serde(rename = "Action")]
    _action: String,
    /// The secret's ARN or name.
    #[serde(rename = "SecretId")]
    pub secret_id: String,
    /// The version whose credentials leaked.
    #[serde(rename = "VersionId")]
    pub version_id: String,
    /// Revoke although the cluster is not known to hold the current version.
    #[serde(default)]
    pub force: bool,
    /// Who asks.
    #[serde(rename = "By")]
    pub by: Option<String>,
    /// Why.
    #[serde(rename = "Reason")]
    pub reason: Option<String>,
}

/// The request to give a user to a secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptEvent {
    #[serde(rename = "Action")]
    _action: String,
    /// The secret's ARN or name.
    #[serde(rename = "SecretId")]
    pub secret_id: String,
    /// The other user of the secret's pair.
    #[serde(rename = "User")]
    pub user: String,
    /// Who asks.
    #[serde(rename = "By")]
    pub by: String,
    /// Why.
    #[serde(rename = "Reason")]
    pub reason: String,
}

pub(super) fn parse(event: &Value, fields: Fields<'_>) -> Result<Event, EventError> {
    let action = fields.text("Action")?;
    if !ACTIONS.contains(&action) {
        return Err(EventError::UnknownAction("`revokePrevious` or `adopt`"));
    }
    fields.within("SecretId", 1..=SECRET_ID_LIMIT, "1 to 2048")?;
    for (field, lengths, expected) in SAID {
        if action == "adopt" || fields.0.contains_key(field) {
            fields.within(field, lengths, expected)?;
            if fields.text(field)?.chars().any(char::is_control) {
                return Err(EventError::ControlCharacter(field));
            }
        }
    }
    // Every other error is an unknown field, or a `force` that is not a boolean.
    if action == "adopt" {
        fields.within("User", USER_LENGTHS, "1 to 255")?;
        return AdoptEvent::deserialize(event).map(Event::Adopt).map_err(|_| EventError::Malformed);
    }
    fields.within("VersionId", TOKEN_LENGTHS, "32 to 64")?;
    RevokePreviousEvent::deserialize(event).map(Event::RevokePrevious).map_err(|_| EventError::Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Actions, parse};
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn event(action: &str, changes: &Value) -> Value {
        let mut event = match action {
            "adopt" => json!({"User": "payment_clone", "By": "Ada", "Reason": "made by hand"}),
            _ => json!({"VersionId": TOKEN}),
        };
        (event["Action"], event["SecretId"]) = (json!(action), json!("arn"));
        for (field, value) in changes.as_object().into_iter().flatten() {
            event[field] = value.clone();
        }
        event
    }

    #[test]
    fn what_is_wrong_with_an_action_is_named() {
        use EventError as E;
        let long = "x".repeat(513);
        let cases = [
            ("drop", json!({}), Some(E::UnknownAction("`revokePrevious` or `adopt`"))),
            ("revokePrevious", json!({}), None),
            ("revokePrevious", json!({"force": true, "By": "Ada", "Reason": "ticket 7"}), None),
            ("revokePrevious", json!({"VersionId": 7}), Some(E::NotText("VersionId"))),
            ("revokePrevious", json!({"Force": true}), Some(E::Malformed)),
            ("revokePrevious", json!({"force": "yes"}), Some(E::Malformed)),
            ("revokePrevious", json!({"By": 7}), Some(E::NotText("By"))),
            ("revokePrevious", json!({"By": ""}), Some(E::Length { field: "By", expected: "1 to 256" })),
            (
                "revokePrevious",
                json!({"Reason": long}),
                Some(E::Length { field: "Reason", expected: "1 to 512" }),
            ),
            ("revokePrevious", json!({"Reason": "two\nlines"}), Some(E::ControlCharacter("Reason"))),
            ("revokePrevious", json!({"User": "payment"}), Some(E::Malformed)),
            ("adopt", json!({}), None),
            ("adopt", json!({"By": null}), Some(E::NotText("By"))),
            ("adopt", json!({"Reason": ""}), Some(E::Length { field: "Reason", expected: "1 to 512" })),
            ("adopt", json!({"User": ""}), Some(E::Length { field: "User", expected: "1 to 255" })),
            ("adopt", json!({"VersionId": TOKEN}), Some(E::Malformed)),
            ("adopt", json!({"force": true}), Some(E::Malformed)),
        ];
        for (action, changes, expected) in cases {
            let event = event(action, &changes);
            assert_eq!(parse(&event, Actions::Incident).err(), expected, "{event}");
        }
    }
}

//! The events that the function takes, read strictly.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// Longest ARN or name of a secret that Secrets Manager takes as `SecretId`.
const SECRET_ID_LIMIT: usize = 2_048;
const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 32..=64;
const ROTATION_TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 36..=256;

/// What the function is asked to do.
#[derive(Debug)]
pub enum Event {
    /// One step of a rotation (`contract/schemas/step-event.json`).
    Step(StepEvent),
    /// Cut the leaked credentials of an old version off (`contract/schemas/revoke-previous-event.json`).
    RevokePrevious(RevokePreviousEvent),
}

/// The four steps, by the names that Secrets Manager uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepName {
    /// Make and store a new value.
    CreateSecret,
    /// Set it on the broker.
    SetSecret,
    /// Log in with it.
    TestSecret,
    /// Promote it.
    FinishSecret,
}

impl StepName {
    /// The name in events, logs and notices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateSecret => "createSecret",
            Self::SetSecret => "setSecret",
            Self::TestSecret => "testSecret",
            Self::FinishSecret => "finishSecret",
        }
    }
}

/// One step of a rotation, as Secrets Manager sends it.
#[derive(Debug, Deserialize)]
pub struct StepEvent {
    /// Which step.
    #[serde(rename = "Step")]
    pub step: StepName,
    /// The secret's ARN.
    #[serde(rename = "SecretId")]
    pub secret_id: String,
    /// The id of the version that is being made.
    #[serde(rename = "ClientRequestToken")]
    pub token: String,
    /// Proves to `PutSecretValue` that the call belongs to this rotation, when the function runs under
    /// an assumed role. Sensitive.
    #[serde(rename = "RotationToken")]
    pub rotation_token: Option<RotationToken>,
}

/// A `RotationToken`, kept out of `Debug` output.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct RotationToken(String);

impl RotationToken {
    /// The token itself, for `PutSecretValue` only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RotationToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RotationToken(redacted)")
    }
}

/// Which version's credentials leaked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokePreviousEvent {
    #[serde(rename = "Action")]
    _action: Action,
    /// The secret's ARN or name.
    #[serde(rename = "SecretId")]
    pub secret_id: String,
    /// The version whose credentials leaked.
    #[serde(rename = "VersionId")]
    pub version_id: String,
    /// Go on although the cluster is not known to hold the current version.
    #[serde(default)]
    pub force: bool,
}

#[derive(Debug, Deserialize)]
enum Action {
    #[serde(rename = "revokePrevious")]
    RevokePrevious,
}

/// Why an event is not one of ours. No value of the event is quoted, for it may hold a `RotationToken`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not an object.
    #[error("the event is not a JSON object")]
    NotAnObject,
    /// A field is missing or no text.
    #[error("the event's field `{0}` is missing or not a string")]
    NotText(&'static str),
    /// `Step` is something else.
    #[error("the event's field `Step` must be `createSecret`, `setSecret`, `testSecret` or `finishSecret`")]
    UnknownStep,
    /// `Action` is something else.
    #[error("the event's field `Action` must be `revokePrevious`")]
    UnknownAction,
    /// A field has a length that AWS does not allow.
    #[error("the event's field `{field}` must have {expected} characters")]
    Length {
        /// The field.
        field: &'static str,
        /// The lengths that are allowed.
        expected: &'static str,
    },
    /// Something else is wrong with the fields.
    #[error("the event has a field that is unknown or of the wrong type")]
    Malformed,
}

/// Reads an event.
///
/// # Errors
/// Names the field that is wrong.
pub fn parse(event: &Value) -> Result<Event, EventError> {
    let fields = event.as_object().ok_or(EventError::NotAnObject)?;
    let text =
        |field: &'static str| fields.get(field).and_then(Value::as_str).ok_or(EventError::NotText(field));
    let within = |field, length: usize, range: std::ops::RangeInclusive<usize>, expected| {
        if range.contains(&length) { Ok(()) } else { Err(EventError::Length { field, expected }) }
    };
    let secret_id = text("SecretId");
    if fields.contains_key("Action") {
        if text("Action")? != "revokePrevious" {
            return Err(EventError::UnknownAction);
        }
        within("SecretId", secret_id?.len(), 1..=SECRET_ID_LIMIT, "1 to 2048")?;
        within("VersionId", text("VersionId")?.len(), TOKEN_LENGTHS, "32 to 64")?;
        return RevokePreviousEvent::deserialize(event)
            .map(Event::RevokePrevious)
            .map_err(|_| EventError::Malformed);
    }
    text("Step")?;
    within("SecretId", secret_id?.len(), 1..=SECRET_ID_LIMIT, "1 to 2048")?;
    within("ClientRequestToken", text("ClientRequestToken")?.len(), TOKEN_LENGTHS, "32 to 64")?;
    if fields.contains_key("RotationToken") {
        within("RotationToken", text("RotationToken")?.len(), ROTATION_TOKEN_LENGTHS, "36 to 256")?;
    }
    // Every other field was checked above, so what is left to be wrong is the step's name.
    StepEvent::deserialize(event).map(Event::Step).map_err(|_| EventError::UnknownStep)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn the_four_steps_are_read_with_and_without_a_rotation_token() {
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            let event = json!({"Step": step, "SecretId": "arn", "ClientRequestToken": TOKEN});
            assert!(matches!(parse(&event), Ok(Event::Step(read)) if read.step.as_str() == step));
        }
        let token = "canary-0123456789abcdef0123456789abcdef";
        let event = json!({"Step": "createSecret", "SecretId": "arn", "ClientRequestToken": TOKEN, "RotationToken": token});
        let read = parse(&event);
        assert!(!format!("{read:?}").contains("canary"));
        assert!(
            matches!(read, Ok(Event::Step(StepEvent { rotation_token: Some(t), .. })) if t.expose() == token)
        );
    }

    #[test]
    fn what_is_wrong_with_an_event_is_named() {
        use EventError as E;
        let step = |step: Value, id: Value, token: Value| json!({"Step": step, "SecretId": id, "ClientRequestToken": token});
        let revoke = |id: Value, version: Value| json!({"Action": "revokePrevious", "SecretId": id, "VersionId": version});
        let cases = [
            (json!(null), E::NotAnObject),
            (json!([]), E::NotAnObject),
            (json!({}), E::NotText("Step")),
            (step(json!("rotate"), json!("arn"), json!(TOKEN)), E::UnknownStep),
            (step(json!("CreateSecret"), json!("arn"), json!(TOKEN)), E::UnknownStep),
            (step(json!(1), json!("arn"), json!(TOKEN)), E::NotText("Step")),
            (step(json!("setSecret"), json!(null), json!(TOKEN)), E::NotText("SecretId")),
            (
                step(json!("setSecret"), json!(""), json!(TOKEN)),
                E::Length { field: "SecretId", expected: "1 to 2048" },
            ),
            (
                step(json!("setSecret"), json!("arn"), json!("short")),
                E::Length { field: "ClientRequestToken", expected: "32 to 64" },
            ),
            (json!({"Action": "drop", "SecretId": "arn", "VersionId": TOKEN}), E::UnknownAction),
            (revoke(json!("arn"), json!(7)), E::NotText("VersionId")),
            (
                json!({"Action": "revokePrevious", "SecretId": "arn", "VersionId": TOKEN, "Force": true}),
                E::Malformed,
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(parse(&event).err(), Some(expected), "{event}");
        }
    }

    #[test]
    fn an_incident_event_is_read() {
        let event = json!({"Action": "revokePrevious", "SecretId": "arn", "VersionId": TOKEN, "force": true});
        assert!(matches!(parse(&event), Ok(Event::RevokePrevious(RevokePreviousEvent { force: true, .. }))));
    }

    proptest! {
        #[test]
        fn no_event_makes_the_parser_panic(step in any::<String>(), id in any::<String>(), token in any::<String>()) {
            let _ = parse(&json!({"Step": step, "SecretId": id, "ClientRequestToken": token}));
        }
    }
}

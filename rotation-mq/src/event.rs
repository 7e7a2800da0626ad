//! The events that the function accepts, read strictly.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

mod incident;

pub use incident::{AdoptEvent, RevokePreviousEvent};

/// The longest ARN or name of a secret that Secrets Manager accepts as `SecretId`.
const SECRET_ID_LIMIT: usize = 2_048;
const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 32..=64;
const ROTATION_TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 36..=256;

/// Which events a deployment of the function takes (`ACTIONS`).
///
/// AWS requires `lambda:InvokeFunction` on the rotation function of everybody who calls `RotateSecret`. So the actions of
/// SecOps have a separate function, which only SecOps may invoke. It is the same program with another value.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actions {
    /// The four steps of a rotation.
    Rotate,
    /// The actions of an incident.
    Incident,
}

/// What the function is asked to do.
#[derive(Debug)]
pub enum Event {
    /// One step of a rotation (`contract/schemas/step-event.json`).
    Step(StepEvent),
    /// Revoke the leaked credentials of an old version (`contract/schemas/revoke-previous-event.json`).
    RevokePrevious(RevokePreviousEvent),
    /// Give a user of the pair to the secret (`contract/schemas/adopt-event.json`).
    Adopt(AdoptEvent),
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
    /// Proves to `PutSecretValue` that the call belongs to this rotation, if the function runs under an assumed role.
    /// Sensitive.
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

/// Why the function does not accept an event. No value of the event is quoted, because it may hold a `RotationToken`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not an object.
    #[error("the event is not a JSON object")]
    NotAnObject,
    /// A field is missing or not a text.
    #[error("the event's field `{0}` is missing or not a string")]
    NotText(&'static str),
    /// `Step` is something else.
    #[error("the event's field `Step` must be `createSecret`, `setSecret`, `testSecret` or `finishSecret`")]
    UnknownStep,
    /// `Action` is something else.
    #[error("the event's field `Action` must be `revokePrevious` or `adopt`")]
    UnknownAction,
    /// An action, sent to the function that rotates.
    #[error(
        "this function accepts only the steps of a rotation; an `Action` is for the function in the stack's output \
         `IncidentFunctionName`"
    )]
    NotForRotation,
    /// A step, sent to the function for incidents.
    #[error(
        "this function accepts only the `Action` of an incident; a `Step` is for the function in the stack's output \
         `RotationFunctionName`"
    )]
    NotForIncident,
    /// A field that people write holds a control character.
    #[error("the event's field `{0}` must have no line break or other control character")]
    ControlCharacter(&'static str),
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

/// What an event, also a bad one, says about its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hints<'a> {
    /// The secret's ARN or name.
    pub secret_id: Option<&'a str>,
    /// The version that is made or revoked.
    pub version_id: Option<&'a str>,
}

/// Reads what the notice about a bad event can say about its subject.
#[must_use]
pub fn hints(event: &Value) -> Hints<'_> {
    let text = |field| event.get(field).and_then(Value::as_str).filter(|text| text.len() <= SECRET_ID_LIMIT);
    Hints {
        secret_id: text("SecretId"),
        version_id: text("ClientRequestToken").or_else(|| text("VersionId")),
    }
}

/// Reads an event for a function that takes `actions`.
///
/// # Errors
/// Names the field that is wrong, or the function that the event is for.
pub fn parse(event: &Value, actions: Actions) -> Result<Event, EventError> {
    let fields = Fields(event.as_object().ok_or(EventError::NotAnObject)?);
    match (actions, fields.0.contains_key("Action")) {
        (Actions::Rotate, true) => Err(EventError::NotForRotation),
        (Actions::Incident, true) => incident::parse(event, fields),
        (Actions::Incident, false) if fields.0.contains_key("Step") => Err(EventError::NotForIncident),
        (Actions::Incident, false) => Err(EventError::NotText("Action")),
        (Actions::Rotate, false) => parse_step(event, fields),
    }
}

fn parse_step(event: &Value, fields: Fields<'_>) -> Result<Event, EventError> {
    fields.text("Step")?;
    fields.within("SecretId", 1..=SECRET_ID_LIMIT, "1 to 2048")?;
    fields.within("ClientRequestToken", TOKEN_LENGTHS, "32 to 64")?;
    if fields.0.contains_key("RotationToken") {
        fields.within("RotationToken", ROTATION_TOKEN_LENGTHS, "36 to 256")?;
    }
    // Every other field was checked above, so what is left to be wrong is the step's name.
    StepEvent::deserialize(event).map(Event::Step).map_err(|_| EventError::UnknownStep)
}

/// The fields of an event, each checked before the event is read as a whole.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a serde_json::Map<String, Value>);

impl<'a> Fields<'a> {
    fn text(self, field: &'static str) -> Result<&'a str, EventError> {
        self.0.get(field).and_then(Value::as_str).ok_or(EventError::NotText(field))
    }

    fn within(
        self,
        field: &'static str,
        lengths: std::ops::RangeInclusive<usize>,
        expected: &'static str,
    ) -> Result<(), EventError> {
        if lengths.contains(&self.text(field)?.chars().count()) {
            Ok(())
        } else {
            Err(EventError::Length { field, expected })
        }
    }
}

#[cfg(test)]
mod tests;

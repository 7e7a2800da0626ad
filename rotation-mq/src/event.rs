//! The events that the function accepts, read strictly.

use std::fmt;

use contract::InspectRequest;
use serde::Deserialize;
use serde_json::Value;

mod actions;
mod incident;
mod inspect;

pub use actions::Actions;
pub use incident::{AdoptEvent, RevokePreviousEvent};

/// The longest ARN or name of a secret that Secrets Manager accepts as `SecretId`.
const SECRET_ID_LIMIT: usize = 2_048;
const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 32..=64;
const ROTATION_TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 36..=256;

/// What the function is asked to do.
#[derive(Debug)]
pub enum Event {
    /// One step of a rotation (`contract/schemas/step-event.json`).
    Step(StepEvent),
    /// Revoke the leaked credentials of an old version (`contract/schemas/revoke-previous-event.json`).
    RevokePrevious(RevokePreviousEvent),
    /// Give a user of the pair to the secret (`contract/schemas/adopt-event.json`).
    Adopt(AdoptEvent),
    /// Look at a secret, or at the function's surroundings (`contract/schemas/inspect-event.json`).
    Inspect(InspectRequest),
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
    #[error("the event's field `Action` must be {0}")]
    UnknownAction(&'static str),
    /// An event for another function of the stack.
    #[error(
        "this function accepts only {}; {} is for the function in the stack's output `{}`",
        .here.accepts(), .belongs_to.event(), .belongs_to.output()
    )]
    Elsewhere {
        /// What this function accepts.
        here: Actions,
        /// What the event is.
        belongs_to: Actions,
    },
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
    match (actions, addressee(fields)) {
        (here, Some(belongs_to)) if here != belongs_to => Err(EventError::Elsewhere { here, belongs_to }),
        // An unknown action. The function for incidents says which actions there are.
        (here @ Actions::Rotate, None) if fields.0.contains_key("Action") => {
            Err(EventError::Elsewhere { here, belongs_to: Actions::Incident })
        }
        (Actions::Rotate, _) => parse_step(event, fields),
        (Actions::Incident, _) => incident::parse(event, fields),
        (Actions::Inspect, _) => inspect::parse(event, fields),
    }
}

/// Which function the event is for. None if it does not say so.
fn addressee(fields: Fields<'_>) -> Option<Actions> {
    match fields.0.get("Action") {
        Some(action) => match action.as_str()? {
            action if incident::ACTIONS.contains(&action) => Some(Actions::Incident),
            action if inspect::ACTIONS.contains(&action) => Some(Actions::Inspect),
            _ => None,
        },
        None => fields.0.contains_key("Step").then_some(Actions::Rotate),
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

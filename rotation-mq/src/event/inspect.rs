//! The requests that only look.

use contract::InspectRequest;
use serde::Deserialize as _;
use serde_json::Value;

use super::{Event, EventError, Fields, SECRET_ID_LIMIT, TOKEN_LENGTHS};

/// The actions of an inspection.
pub(super) const ACTIONS: [&str; 3] = ["inspect", "checkLogin", "routes"];

pub(super) fn parse(event: &Value, fields: Fields<'_>) -> Result<Event, EventError> {
    let action = fields.text("Action")?;
    if !ACTIONS.contains(&action) {
        return Err(EventError::UnknownAction("`inspect`, `checkLogin` or `routes`"));
    }
    if action != "routes" {
        fields.within("SecretId", 1..=SECRET_ID_LIMIT, "1 to 2048")?;
    }
    if action == "checkLogin" {
        fields.within("VersionId", TOKEN_LENGTHS, "32 to 64")?;
    }
    // Every other error is an unknown field.
    InspectRequest::deserialize(event).map(Event::Inspect).map_err(|_| EventError::Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Actions, parse};
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn what_is_wrong_with_a_request_is_named() {
        use EventError as E;
        let secret = |expected| Some(E::Length { field: "SecretId", expected });
        let cases = [
            (json!({"Action": "inspect", "SecretId": "arn"}), None),
            (json!({"Action": "inspect"}), Some(E::NotText("SecretId"))),
            (json!({"Action": "inspect", "SecretId": 7}), Some(E::NotText("SecretId"))),
            (json!({"Action": "inspect", "SecretId": ""}), secret("1 to 2048")),
            (json!({"Action": "inspect", "SecretId": "arn", "VersionId": TOKEN}), Some(E::Malformed)),
            (json!({"Action": "inspect", "SecretId": "arn", "secretId": "arn"}), Some(E::Malformed)),
            (json!({"Action": "inspect", "SecretId": "arn", "Step": "setSecret"}), Some(E::Malformed)),
            (json!({"Action": "checkLogin", "SecretId": "arn", "VersionId": TOKEN}), None),
            (json!({"Action": "checkLogin", "SecretId": "arn"}), Some(E::NotText("VersionId"))),
            (
                json!({"Action": "checkLogin", "SecretId": "arn", "VersionId": "short"}),
                Some(E::Length { field: "VersionId", expected: "32 to 64" }),
            ),
            (
                json!({"Action": "checkLogin", "SecretId": "arn", "VersionId": TOKEN, "force": true}),
                Some(E::Malformed),
            ),
            (json!({"Action": "routes"}), None),
            (json!({"Action": "routes", "SecretId": "arn"}), Some(E::Malformed)),
            (json!({"Action": "Inspect", "SecretId": "arn"}), unknown()),
            (json!({"Action": "look"}), unknown()),
            (json!({"Action": null}), Some(E::NotText("Action"))),
            (json!({}), Some(E::NotText("Action"))),
        ];
        for (event, expected) in cases {
            assert_eq!(parse(&event, Actions::Inspect).err(), expected, "{event}");
        }
    }

    fn unknown() -> Option<EventError> {
        Some(EventError::UnknownAction("`inspect`, `checkLogin` or `routes`"))
    }
}

use proptest::prelude::{any, proptest};
use serde_json::json;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn the_four_steps_are_read_with_and_without_a_rotation_token() {
    for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
        let event = json!({"Step": step, "SecretId": "arn", "ClientRequestToken": TOKEN});
        assert!(
            matches!(parse(&event, Actions::Rotate), Ok(Event::Step(read)) if read.step.as_str() == step)
        );
    }
    let token = "canary-0123456789abcdef0123456789abcdef";
    let event = json!({"Step": "createSecret", "SecretId": "arn", "ClientRequestToken": TOKEN, "RotationToken": token});
    let read = parse(&event, Actions::Rotate);
    assert!(!format!("{read:?}").contains("canary"));
    assert!(
        matches!(read, Ok(Event::Step(StepEvent { rotation_token: Some(t), .. })) if t.expose() == token)
    );
}

#[test]
fn what_is_wrong_with_an_event_is_named() {
    use EventError as E;
    let step = |step: Value, id: Value, token: Value| json!({"Step": step, "SecretId": id, "ClientRequestToken": token});
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
    ];
    for (event, expected) in cases {
        assert_eq!(parse(&event, Actions::Rotate).err(), Some(expected), "{event}");
    }
}

#[test]
fn each_function_refuses_the_events_of_the_others_and_says_which_takes_them() {
    use Actions::{Incident, Inspect, Rotate};
    let step = json!({"Step": "setSecret", "SecretId": "arn", "ClientRequestToken": TOKEN});
    let action = json!({"Action": "revokePrevious", "SecretId": "arn", "VersionId": TOKEN});
    let look = json!({"Action": "inspect", "SecretId": "arn"});
    let mut both = step.clone();
    both["Action"] = json!("revokePrevious");
    let elsewhere = |here, belongs_to| Some(EventError::Elsewhere { here, belongs_to });
    for (event, actions, expected) in [
        (&step, Rotate, None),
        (&action, Rotate, elsewhere(Rotate, Incident)),
        (&look, Rotate, elsewhere(Rotate, Inspect)),
        (&both, Rotate, elsewhere(Rotate, Incident)),
        (&json!({"Action": null}), Rotate, elsewhere(Rotate, Incident)),
        (&json!({"Action": "drop"}), Rotate, elsewhere(Rotate, Incident)),
        (&action, Incident, None),
        (&step, Incident, elsewhere(Incident, Rotate)),
        (&look, Incident, elsewhere(Incident, Inspect)),
        (&json!({}), Incident, Some(EventError::NotText("Action"))),
        (&look, Inspect, None),
        (&step, Inspect, elsewhere(Inspect, Rotate)),
        (&action, Inspect, elsewhere(Inspect, Incident)),
        (&both, Inspect, elsewhere(Inspect, Incident)),
        (&json!({}), Inspect, Some(EventError::NotText("Action"))),
    ] {
        assert_eq!(parse(event, actions).err(), expected, "{event} {actions:?}");
    }
    for (belongs_to, output) in [
        (Rotate, "a `Step` is for the function in the stack's output `RotationFunctionName`"),
        (Incident, "output `IncidentFunctionName`"),
        (Inspect, "output `InspectFunctionName`"),
    ] {
        let error = EventError::Elsewhere { here: Rotate, belongs_to }.to_string();
        assert!(error.contains(output), "{error}");
    }
}

proptest! {
    #[test]
    fn no_event_makes_the_parser_panic(step in any::<String>(), id in any::<String>(), token in any::<String>()) {
        let _ = parse(&json!({"Step": step, "SecretId": id, "ClientRequestToken": token}), Actions::Rotate);
    }
}

#[test]
fn a_bad_event_still_says_what_it_is_about() {
    let hints = |event: Value| {
        let found = super::hints(&event);
        (found.secret_id.map(str::to_owned), found.version_id.map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    let long = "x".repeat(2_049);
    for (event, expected) in [
        (json!({"SecretId": "arn", "ClientRequestToken": "token"}), (some("arn"), some("token"))),
        (json!({"Action": "drop", "SecretId": "arn", "VersionId": "leaked"}), (some("arn"), some("leaked"))),
        (json!({"ClientRequestToken": "token", "VersionId": "leaked"}), (None, some("token"))),
        (json!({"SecretId": 7, "VersionId": long}), (None, None)),
        (json!(["SecretId"]), (None, None)),
        (json!(null), (None, None)),
    ] {
        assert_eq!(hints(event.clone()), expected, "{event}");
    }
}

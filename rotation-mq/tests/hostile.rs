//! Hostile events for the three functions that are this program. See the crate `hostile`.

use hostile::{Report, Target, canary};
use rotation_mq::event::{Actions, hints, parse};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const VERSION: &str = "0123456789abcdef0123456789abcdef";
/// Parts of every error of `EventError`.
const NAMES: &[&str] = &[
    "the event's field `",
    "the event is not a JSON object",
    "this function accepts only",
    "a field that is unknown or of the wrong type",
];

fn documents() -> Vec<Value> {
    vec![
        json!({"Step": "createSecret", "SecretId": ARN, "ClientRequestToken": VERSION, "RotationToken": canary::TOKEN}),
        json!({"Step": "finishSecret", "SecretId": ARN, "ClientRequestToken": VERSION}),
        json!({"Action": "revokePrevious", "SecretId": ARN, "VersionId": VERSION, "force": true, "By": "Ada",
            "Reason": "ticket 7"}),
        json!({"Action": "adopt", "SecretId": ARN, "User": "payment_clone", "By": "Ada", "Reason": "made by hand",
            "Password": canary::PASSWORD}),
        json!({"Action": "adopt", "SecretId": ARN, "User": "payment_clone", "By": "Ada", "Reason": "made by hand"}),
        json!({"Action": "inspect", "SecretId": ARN}),
        json!({"Action": "checkLogin", "SecretId": ARN, "VersionId": VERSION}),
        json!({"Action": "routes"}),
    ]
}

fn judge(name: &'static str, actions: Actions) {
    hostile::run(&Target::of(name, NAMES), &documents(), |event| {
        let parsed = parse(event, actions);
        let report = Report::of(&parsed);
        let found = hints(event);
        let is_short = |text: Option<&str>| text.is_none_or(|text| text.len() <= 2_048);
        assert!(is_short(found.secret_id) && is_short(found.version_id), "a hint is too long");
        report
    });
}

#[test]
fn hostile_input_rotation_events_are_refused_by_the_name_of_a_field() {
    judge("rotation-events", Actions::Rotate);
}

#[test]
fn hostile_input_incident_events_are_refused_by_the_name_of_a_field() {
    judge("incident-events", Actions::Incident);
}

#[test]
fn hostile_input_inspect_events_are_refused_by_the_name_of_a_field() {
    judge("inspect-events", Actions::Inspect);
}

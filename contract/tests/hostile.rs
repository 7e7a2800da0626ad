//! Hostile secret values and messages. See the crate `hostile`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{
    Alert, CloseRequest, ClusterLook, DeliveryRequest, FailureNotice, Foreign, IncidentEvent, InspectRequest,
    Inspection, LoginCheck, Password, Routes, SecretValue,
};
use hostile::{Report, Target, canary};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const NEW: &str = "n3w-Pa55word_of-32-characters-AbC";
/// Parts of every error of `SecretValueError`.
const NAMES: &[&str] = &[
    "the field `",
    "the fields `brokerId` and `host`",
    "one of the fields `brokerId` and `host`",
    "`: did you mean `",
    "the key `",
    "the value is not a JSON object",
    "the value is longer than 65536 bytes",
    "the value begins with a byte-order mark",
];

fn values() -> Vec<String> {
    let mut all = Vec::new();
    for password in [canary::PASSWORD, canary::ODD] {
        let encoded = canary::forms(password).into_iter().find(|(name, _)| *name == "percent-encoded");
        let encoded =
            encoded.map(|(_, form)| String::from_utf8_lossy(&form).into_owned()).unwrap_or_default();
        let basic = STANDARD.encode(format!("payment:{password}"));
        let with = |more: Value| {
            let mut value = json!({"engine": "rabbitmq", "username": "payment", "password": password, "brokerId": "b-1234",
                "masterarn": ARN, "vhost": "/shop"});
            for (key, more) in more.as_object().into_iter().flatten() {
                value[key] = more.clone();
            }
            value.to_string()
        };
        all.extend([
            with(json!({})),
            with(json!({"rotationStrategy": "single", "spring": {"rabbitmq": {"password": password, "username": "payment"}}})),
            with(json!({"uri": format!("amqps://payment:{encoded}@b-1234.mq.eu-central-1.amazonaws.com:5671/shop?x=1")})),
            with(json!({"basic": format!("Basic {basic}"), "nested": json!({"a": [password, {"user": "payment"}]}).to_string()})),
            with(json!({"database": {"url": format!("postgres://payment:{NEW}@db/x"), "password": NEW}, "note": "x"})),
        ]);
        all.push(
            json!({"engine": "rabbitmq", "username": "payment", "password": password, "host": "broker.example",
                "port": 5671, "managementUrl": "https://broker.example:15671"})
            .to_string(),
        );
    }
    all
}

#[test]
fn hostile_input_secret_values_are_refused_by_the_name_of_a_field_and_rotate_or_are_refused() {
    hostile::run(&Target::of("secret-values", NAMES), &values(), |text: &String| {
        let earlier = SecretValue::parse_earlier(text);
        let value = match SecretValue::parse(text) {
            Ok(value) => value,
            Err(error) => return Report::refused(&error).and(&earlier),
        };
        let users = [value.username(), "payment", "payment_clone"];
        let next = value.with_credentials(&users, "payment_clone".to_owned(), Password::new(NEW.to_owned()));
        let next = match next {
            Ok(next) => next,
            Err(error) => return Report::refused(&error).and(&value),
        };
        let json = next.to_json().map(|json| json.to_string()).unwrap_or_default();
        let read = SecretValue::parse(&json);
        assert!(
            read.as_ref()
                .is_ok_and(|read| read.username() == "payment_clone" && read.password().expose() == NEW),
            "the next value cannot be read back: {:?}",
            read.err()
        );
        Report::accepted(&next).and(&value).and(&earlier)
    });
}

/// Whether a message is read, and whether it stays the same after it is written and read again.
fn read<T: DeserializeOwned + serde::Serialize>(value: &Value) -> bool {
    let Ok(message) = serde_json::from_value::<T>(value.clone()) else { return false };
    let written = serde_json::to_value(&message).unwrap_or_default();
    let again = serde_json::from_value::<T>(written.clone()).ok();
    let again = again.and_then(|again| serde_json::to_value(again).ok());
    assert_eq!(again, Some(written), "a message changes when it is read again");
    true
}

fn messages() -> Vec<Value> {
    let finding = json!({"kind": "grants.differ", "severity": "warning", "message": "they differ"});
    vec![
        json!({"schema": "rotation-failure/1", "kind": "broker.unreachable", "severity": "error", "transient": true,
            "testOnly": false, "step": "setSecret", "secretArn": ARN, "versionId": "v", "broker": "b-1", "user": "payment",
            "message": "no answer", "causes": ["a", "b"], "function": "f", "requestId": "r", "occurredAt": "2026-11-25T03:00:00Z"}),
        json!({"secretArn": ARN, "versionId": "v", "attempt": 1, "tested": true, "promotedAt": "2026-11-25T03:00:00Z"}),
        json!({"schema": "incident-close/1", "subject": ARN, "area": "rotation", "incidentId": "i", "by": "Ada", "reason": "x"}),
        json!({"Action": "checkLogin", "SecretId": ARN, "VersionId": "v"}),
        json!({"Action": "inspect", "SecretId": ARN}),
        json!({"schema": "rotation-login-check/1", "secretArn": ARN, "versionId": "v", "user": "payment", "login": "refused",
            "problem": finding, "workingVersionId": null}),
        json!({"schema": "rotation-inspection/1", "secretArn": ARN, "name": "rabbitmq/payment",
            "inspectedAt": "2026-11-25T03:00:00Z", "strategy": "single", "rotationEnabled": true, "nextRotation": null,
            "versions": [], "users": [], "broker": null, "connections": [], "connectionsTotal": 3, "differences": ["a"],
            "delivery": null, "findings": [finding]}),
    ]
}

#[test]
fn hostile_input_messages_that_are_read_stay_the_same_when_they_are_written() {
    hostile::run(&Target::public("messages", &[]), &messages(), |value| {
        let read = [
            read::<FailureNotice>(value),
            read::<DeliveryRequest>(value),
            read::<CloseRequest>(value),
            read::<InspectRequest>(value),
            read::<LoginCheck>(value),
            read::<Inspection>(value),
        ];
        let others = [
            serde_json::from_value::<IncidentEvent>(value.clone()).is_ok(),
            serde_json::from_value::<Alert>(value.clone()).is_ok(),
            serde_json::from_value::<ClusterLook>(value.clone()).is_ok(),
            serde_json::from_value::<Routes>(value.clone()).is_ok(),
        ];
        Report::accepted(&(read, others))
    });
}

#[test]
fn hostile_input_foreign_texts_have_no_effect_and_a_limit() {
    let texts = ["payment_clone", "*bold* <b> [a](https://x) @here `x`", "\u{202e}\u{0}\u{1b}[31m\n# a"];
    hostile::run(&Target::public("foreign-texts", &[]), &texts.map(str::to_owned), |text: &String| {
        let foreign = Foreign::new(text);
        for limit in [0, 1, 80, 2_000] {
            for shown in [foreign.chat(limit), foreign.terminal(limit), foreign.attribute(limit)] {
                assert!(shown.len() <= limit.max('…'.len_utf8()), "{} bytes of {limit}", shown.len());
                assert!(!shown.chars().any(char::is_control), "a control character is left");
            }
        }
        Report::accepted(&"shown")
    });
}

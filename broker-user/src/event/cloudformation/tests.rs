//! Requests of CloudFormation: who is answered, and what is to be done.

use serde_json::{Value, json};

use super::super::parse;
use super::*;

mod sequences;

const URL: &str = "https://cloudformation-custom-resource-response-eucentral1.s3.eu-central-1.amazonaws.com/x?Signature=canary";

fn properties(username: &str, suffix: &str) -> Value {
    json!({
        "ServiceToken": "arn:aws:lambda:eu-central-1:123456789012:function:rotation-broker-user", "ServiceTimeout": "240",
        "SecretArn": format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/x-{suffix}"),
        "Broker": "b-1", "Username": username,
    })
}

fn event(kind: &str, changes: &Value) -> Value {
    let mut event = json!({
        "RequestType": kind, "ResponseURL": URL, "RequestId": "4711", "LogicalResourceId": "BrokerUser",
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/payment/1", "ResourceType": "Custom::BrokerUser",
        "ResourceProperties": properties("payment", "AbCdEf"),
    });
    for (field, value) in changes.as_object().into_iter().flatten() {
        event[field] = value.clone();
    }
    event
}

#[test]
fn an_answer_goes_to_the_request_and_a_failed_create_has_an_id_whose_deletion_does_nothing()
-> Result<(), EventError> {
    for (kind, changes, is_left, expected) in [
        ("Create", json!({}), false, "none/4711"),
        ("Create", json!({}), true, "unfinished-4711"),
        ("Create", json!({"PhysicalResourceId": "b-1/payment"}), false, "none/4711"),
        ("Update", json!({"PhysicalResourceId": "b-1/payment"}), false, "b-1/payment"),
        ("Update", json!({"PhysicalResourceId": "b-1/payment"}), true, "b-1/payment"),
        ("Delete", json!({"PhysicalResourceId": "stack-BrokerUser-1ABC"}), false, "stack-BrokerUser-1ABC"),
    ] {
        let request = parse(&event(kind, &changes), None)?;
        let id = request.envelope.as_ref().map(|envelope| envelope.id_of_a_failure(is_left));
        assert_eq!(id.as_deref(), Some(expected), "{kind}");
        assert!(!format!("{request:?}").contains("canary"), "the ResponseURL is printed");
    }
    Ok(())
}

#[test]
fn wrong_properties_are_answered_and_a_wrong_envelope_cannot_be() -> Result<(), EventError> {
    for changes in [
        json!({"ResourceProperties": null}),
        json!({"ResourceProperties": {"Username": "payment"}}),
        json!({"ResourceProperties": {"Permission": []}}),
    ] {
        let request = parse(&event("Create", &changes), None)?;
        assert!(request.envelope.is_some() && request.work.is_err(), "{changes}");
    }
    for (kind, changes) in [
        ("Read", json!({})),
        ("Create", json!({"ResponseURL": "https://example.com/x"})),
        ("Create", json!({"ResponseURL": null})),
        ("Create", json!({"RequestId": null})),
        ("Create", json!({"StackId": ""})),
        ("Create", json!({"LogicalResourceId": 7})),
        ("Update", json!({})),
        ("Delete", json!({"PhysicalResourceId": "x".repeat(1_025)})),
    ] {
        let error = parse(&event(kind, &changes), None).err();
        assert!(error.is_some_and(|error| !error.to_string().contains("example")), "{kind} {changes}");
    }
    Ok(())
}

#[test]
fn an_update_of_the_same_user_keeps_its_password_and_any_other_is_a_new_user() -> Result<(), EventError> {
    let (same, other) = (properties("payment", "AbCdEf"), properties("order", "AbCdEf"));
    let other_secret = properties("payment", "GhIjKl");
    for (old, id, purpose, what) in [
        (&same, "b-1/payment", Purpose::Update, "the same user"),
        (&other, "b-1/order", Purpose::Create, "another user"),
        (&other_secret, "b-1/payment", Purpose::Create, "another secret for the same user"),
        (&same, "existing:b-1/payment", Purpose::Update, "the same user, which existed before"),
        (&same, "b-2/payment", Purpose::Create, "another broker"),
        (&Value::Null, "b-1/payment", Purpose::Create, "old properties that cannot be read"),
    ] {
        let changes = json!({"OldResourceProperties": old, "PhysicalResourceId": id});
        let work = parse(&event("Update", &changes), None)?.work?;
        match work {
            Work::Ensure { purpose: found, replaced: None, .. } => assert_eq!(found, purpose, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_deletion_knows_whose_id_it_has() -> Result<(), EventError> {
    let broken = json!({"Username": 7});
    for (id, changed, expected) in [
        ("b-1/payment", None, Some(Id::Ours)),
        ("stack-BrokerUser-1ABC", None, Some(Id::MadeUp)),
        ("unfinished-4711", None, Some(Id::MadeUp)),
        ("b-1/order", None, None),
        ("existing:b-1/payment", None, None),
        ("none/4711", None, None),
        ("none/4711", Some(&broken), None),
        ("stack-BrokerUser-1ABC", Some(&broken), None),
        ("stack-BrokerUser-1ABC", Some(&Value::Null), None),
    ] {
        let mut changes = json!({"PhysicalResourceId": id});
        if let Some(changed) = changed {
            changes["ResourceProperties"] = changed.clone();
        }
        let found = match parse(&event("Delete", &changes), None)?.work? {
            Work::Delete { id, .. } => Some(id),
            _ => None,
        };
        assert_eq!(found, expected, "{id} {changed:?}");
    }
    Ok(())
}

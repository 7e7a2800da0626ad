//! The JSON Schema of events says what the function accepts.

use std::path::Path;

use broker_user::event::parse;
use serde_json::{Value, json};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn schema() -> Result<jsonschema::Validator, Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/schemas/broker-user-event.json");
    Ok(jsonschema::validator_for(&serde_json::from_slice(&std::fs::read(path)?)?)?)
}

/// `event` with other fields. A null removes a field.
fn with(event: &Value, changes: &Value) -> Value {
    let mut all = event.clone();
    for (field, change) in changes.as_object().into_iter().flatten() {
        all[field] = change.clone();
    }
    if let Some(fields) = all.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    all
}

fn properties() -> Value {
    json!({
        "SecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf",
        "Username": "payment", "Broker": "b-1",
        "Permissions": [{"Vhost": "/", "Configure": "", "Write": "^orders$", "Read": "^payment"}],
        "TopicPermissions": [{"Vhost": "/", "Exchange": "", "Write": "^order", "Read": ""}],
        "Limits": {"MaxConnections": "7", "MaxChannels": 9},
        "Tags": ["reporting"],
    })
}

/// The three forms of an event that creates a user.
fn forms(properties: &Value) -> [Value; 3] {
    let of_cloudformation = json!({"ServiceToken": "arn:aws:lambda:x", "ServiceTimeout": "240"});
    [
        json!({
            "RequestType": "Create", "ResponseURL": "https://x.s3.amazonaws.com/x?Signature=y", "RequestId": "4711",
            "StackId": "arn:aws:cloudformation:x", "LogicalResourceId": "BrokerUser", "ResourceType": "Custom::BrokerUser",
            "ResourceProperties": with(properties, &of_cloudformation),
        }),
        with(properties, &json!({"tf": {"action": "create", "prev_input": null}})),
        with(properties, &json!({"Action": "ensureUser"})),
    ]
}

fn is_accepted(event: &Value) -> bool {
    parse(event, None).is_ok_and(|request| request.work.is_ok())
}

#[test]
fn the_schema_and_the_parser_agree_on_properties() -> Outcome {
    let schema = schema()?;
    let permission = |changes: &Value| {
        let entry = json!({"Vhost": "/", "Configure": "", "Write": "", "Read": ""});
        json!({"Permissions": [with(&entry, changes)]})
    };
    for (changes, expected) in [
        (json!({}), true),
        (json!({"Permissions": null, "TopicPermissions": null, "Limits": null, "Tags": null}), true),
        (json!({"Permissions": [], "Limits": {}}), true),
        (json!({"SecretArn": null}), false),
        (json!({"SecretArn": "rabbitmq/payment"}), false),
        (json!({"Username": null}), false),
        (json!({"Username": ""}), false),
        (json!({"Username": "guest"}), false),
        (json!({"Username": ".."}), false),
        (json!({"Username": "pay:ment"}), false),
        (json!({"Username": "pay\nment"}), false),
        (json!({"Username": "u".repeat(250)}), false),
        (json!({"Broker": "none"}), false),
        (json!({"Broker": "https://b-1"}), false),
        (json!({"Permissions": {}}), false),
        (json!({"Permissions": ["/"]}), false),
        (permission(&json!({"Vhost": "v".repeat(255), "Read": "ü".repeat(500)})), true),
        (permission(&json!({"Vhost": ""})), false),
        (permission(&json!({"Vhost": "."})), false),
        (permission(&json!({"Write": "x".repeat(501)})), false),
        (permission(&json!({"Write": null})), false),
        (permission(&json!({"write": ""})), false),
        (json!({"TopicPermissions": [{"Vhost": "/", "Write": "", "Read": ""}]}), false),
        (json!({"Limits": {"MaxConnections": "1000000", "MaxChannels": 1_000_000}}), true),
        (json!({"Limits": {"MaxConnections": "1000001"}}), false),
        (json!({"Limits": {"MaxConnections": 0}}), false),
        (json!({"Limits": {"MaxConnections": "-1"}}), false),
        (json!({"Limits": {"max-connections": 1}}), false),
        (json!({"Tags": ["t".repeat(100)]}), true),
        (json!({"Tags": [" a"]}), false),
        (json!({"Tags": ["a,administrator"]}), false),
        (json!({"Tag": []}), false),
        (json!({"Password": "x"}), false),
    ] {
        for event in forms(&with(&properties(), &changes)) {
            assert_eq!(schema.is_valid(&event), expected, "schema: {event}");
            assert_eq!(is_accepted(&event), expected, "parser: {event}");
        }
    }
    Ok(())
}

#[test]
fn the_schema_and_the_parser_agree_on_forms() -> Outcome {
    let schema = schema()?;
    let [cloudformation, terraform, ensure_user] = forms(&properties());
    let id = json!({"RequestType": "Update", "PhysicalResourceId": "existing:b-1/payment"});
    let identity = json!({
        "SecretArn": properties()["SecretArn"], "Username": "payment", "Broker": "b-1", "Old": "a property of a former time",
    });
    let deleted = json!({
        "RequestType": "Delete", "PhysicalResourceId": "b-1/payment", "ResourceProperties": identity,
    });
    let removed = json!({"tf": {"action": "delete", "prev_input": identity}});
    for (event, expected) in [
        (with(&cloudformation, &id), true),
        (with(&cloudformation, &json!({"RequestType": "Update"})), false),
        (with(&cloudformation, &deleted), true),
        (with(&cloudformation, &json!({"RequestType": "Delete"})), false),
        (with(&cloudformation, &json!({"RequestType": "Read"})), false),
        (with(&cloudformation, &json!({"ResponseURL": null})), false),
        (with(&cloudformation, &json!({"ResourceProperties": null})), false),
        (with(&identity, &removed), true),
        (with(&identity, &json!({"tf": {"action": "update", "prev_input": identity}})), false),
        (with(&terraform, &json!({"tf": {"action": "read"}})), false),
        (with(&terraform, &json!({"tf": "create"})), false),
        (with(&ensure_user, &json!({"Action": "deleteUser"})), false),
        (properties(), false),
        (json!({}), false),
        (json!([]), false),
    ] {
        assert_eq!(schema.is_valid(&event), expected, "schema: {event}");
        assert_eq!(is_accepted(&event), expected, "parser: {event}");
    }
    Ok(())
}

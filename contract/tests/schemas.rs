//! The JSON Schemas say what the types send and accept.

use std::path::Path;

use contract::{DeliveryRequest, FailureNotice, Kind, SecretValue};
use serde_json::{Value, json};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn schema(name: &str) -> Result<jsonschema::Validator, Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(format!("{name}.json"));
    Ok(jsonschema::validator_for(&serde_json::from_slice(&std::fs::read(path)?)?)?)
}

#[test]
fn every_kind_makes_a_valid_notice_and_the_schema_knows_no_other() -> Outcome {
    let schema = schema("failure-notice")?;
    for kind in Kind::ALL {
        let notice = FailureNotice {
            function: "rotation-mq".to_owned(),
            occurred_at: "2026-01-01T00:00:00Z".to_owned(),
            ..FailureNotice::new(*kind, "failed", &["cause".to_owned()])
        };
        let mut notice = serde_json::to_value(notice)?;
        assert!(schema.is_valid(&notice), "{notice}");
        notice["kind"] = json!("unknown.kind");
        assert!(!schema.is_valid(&notice), "{notice}");
    }
    let text = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/failure-notice.json"))?;
    let known: Value = serde_json::from_slice(&text)?;
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(known["properties"]["kind"]["enum"], json!(names));
    Ok(())
}

#[test]
fn requests_with_and_without_a_time_of_promotion_are_valid() -> Outcome {
    let schema = schema("delivery-request")?;
    for promoted_at in [None, Some("2026-01-01T00:00:00Z".to_owned())] {
        let request = DeliveryRequest {
            secret_arn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-AbCdEf".to_owned(),
            version_id: "0123456789abcdef0123456789abcdef".to_owned(),
            attempt: 1,
            promoted_at,
        };
        assert!(schema.is_valid(&serde_json::to_value(request)?));
    }
    Ok(())
}

#[test]
fn the_schema_and_the_parser_of_secret_values_agree() -> Outcome {
    let schema = schema("secret-value")?;
    let valid = json!({"engine": "rabbitmq", "username": "payment", "password": "x", "brokerId": "b-1"});
    let changes = [
        json!({}),
        json!({"vhost": "shop", "masterarn": "arn:aws:secretsmanager:x", "extra": {"kept": true}}),
        json!({"brokerId": null, "host": "mq.example.com", "port": 5671, "managementUrl": "https://mq.example.com:15671"}),
        json!({"engine": "mysql"}),
        json!({"username": ""}),
        json!({"password": 1}),
        json!({"host": "mq.example.com"}),
        json!({"brokerId": null}),
        json!({"brokerId": null, "host": "amqps://mq.example.com"}),
        json!({"brokerId": null, "host": "mq.example.com", "managementUrl": "http://mq.example.com"}),
        json!({"masterarn": "broker-admin"}),
        json!({"rotationStrategy": "other"}),
        json!({"vhost": ""}),
        json!({"masterArn": "arn:aws:secretsmanager:x"}),
        json!({"master_arn": null}),
        json!({"UserName": "payment"}),
        json!({"broker-id": "b-1"}),
        json!({"Port": 5671}),
        json!({" rotation strategy ": "single"}),
        json!({"hosts": ["a", "b"], "dbInstanceIdentifier": "db-1", "dbname": "x", "hostname": "y"}),
        json!({"uri": "amqps://payment:x@host", "user": "payment"}),
    ];
    for change in changes {
        let mut value = valid.clone();
        for (field, new) in change.as_object().into_iter().flatten() {
            value[field] = new.clone();
        }
        let parsed = SecretValue::parse(&value.to_string());
        assert_eq!(schema.is_valid(&value), parsed.is_ok(), "{value}: {parsed:?}");
    }
    Ok(())
}

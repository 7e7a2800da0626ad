//! The JSON Schemas say what the types send and accept.

use std::path::Path;

use contract::{
    Area, CLOSE_SCHEMA, CLUSTER_LOOK_SCHEMA, CloseRequest, ClusterLook, DeliveryRequest, FailureNotice,
    Finding, Kind, PlaceLook, SecretValue, StoreLook, StoreState,
};
use serde_json::{Value, json};

// In a folder, because each file beside this one is a program of its own.
#[path = "schemas/inspections.rs"]
mod inspections;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn read(name: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(format!("{name}.json"));
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

fn schema(name: &str) -> Result<jsonschema::Validator, Box<dyn std::error::Error>> {
    Ok(jsonschema::validator_for(&read(name)?)?)
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
    let known = read("failure-notice")?;
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(known["properties"]["kind"]["enum"], json!(names));
    Ok(())
}

#[test]
fn requests_with_and_without_a_time_of_promotion_are_valid() -> Outcome {
    let schema = schema("delivery-request")?;
    for (promoted_at, tested) in [(None, false), (Some("2026-01-01T00:00:00Z".to_owned()), true)] {
        let request = DeliveryRequest {
            secret_arn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-AbCdEf".to_owned(),
            version_id: "0123456789abcdef0123456789abcdef".to_owned(),
            attempt: 1,
            tested,
            promoted_at,
        };
        assert!(schema.is_valid(&serde_json::to_value(request)?));
    }
    Ok(())
}

#[test]
fn a_request_to_close_an_incident_is_valid_in_every_area_and_needs_a_reason() -> Outcome {
    let schema = schema("close-event")?;
    for area in Area::ALL {
        let request = CloseRequest {
            schema: CLOSE_SCHEMA.to_owned(),
            subject: "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-AbCdEf".to_owned(),
            area: *area,
            incident_id: None,
            by: "arn:aws:sts::123456789012:assumed-role/SecOps/ada".to_owned(),
            reason: "a planned read of the auditors".to_owned(),
        };
        let with_id = CloseRequest { incident_id: Some("20260101-000000-abc".to_owned()), ..request.clone() };
        for request in [request, with_id] {
            let mut value = serde_json::to_value(&request)?;
            assert!(schema.is_valid(&value), "{value}");
            assert_eq!(serde_json::from_value::<CloseRequest>(value.clone())?, request);
            value["reason"] = json!("");
            assert!(!schema.is_valid(&value), "{value}");
        }
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

#[test]
fn a_look_at_a_cluster_is_valid_with_and_without_what_could_be_found_out() -> Outcome {
    let schema = schema("cluster-look")?;
    let nothing = ClusterLook {
        schema: CLUSTER_LOOK_SCHEMA.to_owned(),
        cluster: "shop".to_owned(),
        kubernetes: None,
        api_versions: None,
        operator: None,
        missing_permissions: Vec::new(),
        places: vec![PlaceLook::default()],
    };
    assert!(schema.is_valid(&serde_json::to_value(&nothing)?));
    let kind = Kind::DeliveryTenantMismatch;
    for state in [StoreState::Ready, StoreState::NotReady, StoreState::Missing, StoreState::Unknown] {
        let place = PlaceLook {
            secret: "rabbitmq/payment".to_owned(),
            is_for_this_cluster: true,
            has_tenant: true,
            problem: Some(Finding { kind, severity: kind.severity(), message: "said".to_owned() }),
            namespace: Some("shop".to_owned()),
            namespace_exists: Some(true),
            store: Some(StoreLook { name: "SecretStore/aws".to_owned(), state, message: None }),
            missing_permissions: vec!["get externalsecrets.external-secrets.io".to_owned()],
        };
        let all = ClusterLook {
            kubernetes: Some("v1.35.4".to_owned()),
            api_versions: Some(vec!["v1".to_owned()]),
            operator: Some("v2.9.0".to_owned()),
            places: vec![place],
            ..nothing.clone()
        };
        let mut sent = serde_json::to_value(&all)?;
        assert!(schema.is_valid(&sent), "{sent}");
        assert_eq!(serde_json::from_value::<ClusterLook>(sent.clone())?, all);
        sent["places"][0]["value"] = json!("x");
        assert!(!schema.is_valid(&sent));
    }
    Ok(())
}

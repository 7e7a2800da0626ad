//! The requests to the function inspect, and its answers.

use contract::{
    Finding, INSPECTION_SCHEMA, InspectRequest, InspectedBroker, InspectedConnection, InspectedDelivery,
    InspectedUser, InspectedVersion, Inspection, Kind, LOGIN_CHECK_SCHEMA, Login, LoginCheck, Owner,
    ROUTES_SCHEMA, RouteCheck, Routes, Strategy,
};
use serde_json::{Value, json};

use super::{Outcome, read, schema};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const VERSION: &str = "0123456789abcdef0123456789abcdef";
const TIME: &str = "2026-01-01T00:00:00Z";

#[test]
fn the_schema_of_requests_to_inspect_and_the_type_agree() -> Outcome {
    let schema = schema("inspect-event")?;
    for request in [
        InspectRequest::Inspect { secret_id: ARN.to_owned() },
        InspectRequest::CheckLogin { secret_id: ARN.to_owned(), version_id: VERSION.to_owned() },
        InspectRequest::Routes {},
    ] {
        let sent = serde_json::to_value(&request)?;
        assert!(schema.is_valid(&sent), "{sent}");
        assert_eq!(serde_json::from_value::<InspectRequest>(sent)?, request);
    }
    for wrong in [
        json!({"Action": "inspect"}),
        json!({"Action": "Inspect", "SecretId": ARN}),
        json!({"Action": "inspect", "SecretId": ARN, "VersionId": VERSION}),
        json!({"Action": "checkLogin", "SecretId": ARN}),
        json!({"Action": "routes", "SecretId": ARN}),
        json!({"SecretId": ARN}),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
        assert!(serde_json::from_value::<InspectRequest>(wrong.clone()).is_err(), "{wrong}");
    }
    Ok(())
}

fn finding(kind: Kind) -> Finding {
    Finding { kind, severity: kind.severity(), message: "why".to_owned() }
}

/// An inspection in which every field has a value, and everything is listed.
fn full() -> Inspection {
    let (user, some) = ("payment".to_owned(), || Some("text".to_owned()));
    let version = |login| InspectedVersion {
        version_id: VERSION.to_owned(),
        stages: vec!["AWSCURRENT".to_owned()],
        created_at: Some(TIME.to_owned()),
        user: some(),
        login,
    };
    let pair_user = |owner| InspectedUser {
        name: user.clone(),
        exists: Some(true),
        in_turn: true,
        owner,
        tags: vec!["monitoring".to_owned()],
        connections: Some(7),
        connection_limit: Some(10),
    };
    Inspection {
        schema: INSPECTION_SCHEMA.to_owned(),
        secret_arn: ARN.to_owned(),
        name: "rabbitmq/payment".to_owned(),
        inspected_at: TIME.to_owned(),
        strategy: Some(Strategy::Alternating),
        rotation_enabled: true,
        next_rotation: Some(TIME.to_owned()),
        versions: [Login::Accepted, Login::Refused, Login::Unknown].map(version).to_vec(),
        users: [Owner::ThisSecret, Owner::AnotherSecret].map(pair_user).to_vec(),
        broker: Some(InspectedBroker {
            name: "b-1".to_owned(),
            state: some(),
            version: some(),
            certificate_ends: Some(TIME.to_owned()),
            certificate_days: Some(-1),
        }),
        connections: vec![InspectedConnection {
            user: user.clone(),
            vhost: some(),
            peer: "10.0.0.1:5000".to_owned(),
            client: some(),
            since: Some(TIME.to_owned()),
            stale: true,
        }],
        connections_total: Some(1),
        differences: vec!["set tags".to_owned()],
        delivery: Some(InspectedDelivery { namespace: "shop".to_owned(), delivered: some(), current: true }),
        findings: Kind::ALL.iter().copied().map(finding).collect(),
    }
}

/// An inspection in which nothing could be read.
fn empty() -> Inspection {
    Inspection {
        strategy: None,
        next_rotation: None,
        versions: Vec::new(),
        users: [Owner::Nobody, Owner::Unknown]
            .map(|owner| InspectedUser {
                name: "payment".to_owned(),
                exists: None,
                in_turn: false,
                owner,
                tags: Vec::new(),
                connections: None,
                connection_limit: None,
            })
            .to_vec(),
        broker: None,
        connections: Vec::new(),
        connections_total: None,
        differences: Vec::new(),
        delivery: None,
        findings: Vec::new(),
        ..full()
    }
}

/// Every object of the schema requires all fields that the type sends, and knows no other.
fn sends_what_it_says(schema: &Value, sent: &Value) {
    let properties =
        |schema: &Value| schema["properties"].as_object().map(|all| all.keys().cloned().collect());
    let fields: Vec<String> = sent.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
    assert_eq!(properties(schema), Some(sorted(fields.clone())), "{sent}");
    assert_eq!(
        sorted(serde_json::from_value(schema["required"].clone()).unwrap_or_default()),
        sorted(fields)
    );
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn the_schema_of_inspections_and_the_type_agree() -> Outcome {
    let schema = schema("inspection")?;
    for inspection in [full(), empty()] {
        let sent = serde_json::to_value(&inspection)?;
        let wrong: Vec<String> = schema.iter_errors(&sent).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}: {sent}");
        assert_eq!(serde_json::from_value::<Inspection>(sent)?, inspection);
    }
    let known: Value = read("inspection")?;
    let sent = serde_json::to_value(full())?;
    sends_what_it_says(&known, &sent);
    for (name, example) in [
        ("version", &sent["versions"][0]),
        ("user", &sent["users"][0]),
        ("broker", &sent["broker"]),
        ("connection", &sent["connections"][0]),
        ("delivery", &sent["delivery"]),
        ("finding", &sent["findings"][0]),
    ] {
        sends_what_it_says(&known["$defs"][name], example);
    }
    assert_eq!(known["properties"]["connections"]["maxItems"], Inspection::CONNECTIONS_LISTED);
    Ok(())
}

#[test]
fn the_schemas_of_login_checks_and_routes_and_their_types_agree() -> Outcome {
    let check = LoginCheck {
        schema: LOGIN_CHECK_SCHEMA.to_owned(),
        secret_arn: ARN.to_owned(),
        version_id: VERSION.to_owned(),
        user: Some("payment".to_owned()),
        login: Login::Refused,
        problem: Some(finding(Kind::CurrentLoginRefused)),
        working_version_id: Some(VERSION.to_owned()),
    };
    let unknown = LoginCheck {
        user: None,
        login: Login::Unknown,
        problem: None,
        working_version_id: None,
        ..check.clone()
    };
    let logins = schema("login-check")?;
    for check in [check, unknown] {
        let sent = serde_json::to_value(&check)?;
        assert!(logins.is_valid(&sent), "{sent}");
        sends_what_it_says(&read("login-check")?, &sent);
        assert_eq!(serde_json::from_value::<LoginCheck>(sent)?, check);
    }
    let route = |problem: Option<&str>| RouteCheck {
        service: "sns".to_owned(),
        reached: problem.is_none(),
        problem: problem.map(str::to_owned),
    };
    let routes =
        Routes { schema: ROUTES_SCHEMA.to_owned(), routes: vec![route(None), route(Some("no answer"))] };
    let sent = serde_json::to_value(&routes)?;
    assert!(schema("routes")?.is_valid(&sent), "{sent}");
    sends_what_it_says(&read("routes")?, &sent);
    assert_eq!(serde_json::from_value::<Routes>(sent)?, routes);
    Ok(())
}

use proptest::prelude::{TestCaseError, any, prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::*;

mod copies;

const ADMIN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:broker-admin-AbCdEf";

fn valid() -> Value {
    json!({
        "engine": "rabbitmq", "username": "payment", "password": "canary-password",
        "brokerId": "b-1234", "masterarn": ADMIN,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut secret = valid();
    secret[field] = value;
    secret
}

fn without(field: &str) -> Value {
    let mut secret = valid();
    if let Some(fields) = secret.as_object_mut() {
        fields.remove(field);
    }
    secret
}

#[test]
fn defaults_are_filled_in() -> Result<(), SecretValueError> {
    let value = SecretValue::parse(&valid().to_string())?;
    assert_eq!(value.vhost(), "/");
    assert_eq!(value.strategy(), Strategy::Alternating);
    assert_eq!(value.broker(), &BrokerAddress::Id("b-1234".to_owned()));
    Ok(())
}

#[test]
fn explicit_endpoints_default_to_the_ports_of_amazon_mq() -> Result<(), SecretValueError> {
    let mut secret = without("brokerId");
    secret["host"] = json!("mq.example.com");
    let expected = |port, url: &str| BrokerAddress::Endpoints {
        host: "mq.example.com".to_owned(),
        port,
        management_url: url.to_owned(),
    };
    assert_eq!(SecretValue::parse(&secret.to_string())?.broker(), &expected(5671, "https://mq.example.com"));
    secret["port"] = json!("5672");
    secret["managementUrl"] = json!("https://mq.example.com:15671/");
    assert_eq!(
        SecretValue::parse(&secret.to_string())?.broker(),
        &expected(5672, "https://mq.example.com:15671")
    );
    Ok(())
}

#[test]
fn every_way_to_break_the_contract_names_its_field() {
    use SecretValueError as E;
    let both = with("host", json!("mq.example.com"));
    let mut plain = without("brokerId");
    plain["host"] = json!("mq.example.com");
    plain["managementUrl"] = json!("http://mq.example.com");
    let mut user_info = plain.clone();
    user_info["managementUrl"] = json!("https://user:pass@mq.example.com");
    let mut bad_host = plain.clone();
    bad_host["host"] = json!("amqps://mq.example.com");
    let mut bad_port = without("brokerId");
    bad_port["host"] = json!("mq.example.com");
    bad_port["port"] = json!(0);
    let url_error =
        E::Malformed { field: "managementUrl", expected: "`https://host` or `https://host:port`" };
    let cases = [
        (without("engine"), E::Missing("engine")),
        (without("username"), E::Missing("username")),
        (without("password"), E::Missing("password")),
        (without("brokerId"), E::NoAddress),
        (both, E::BothAddresses),
        (with("engine", json!("postgres")), E::WrongEngine),
        (with("username", json!("")), E::Empty("username")),
        (with("password", json!("")), E::Empty("password")),
        (with("password", json!(17)), E::NotText("password")),
        (with("username", json!(null)), E::Missing("username")),
        (with("vhost", json!("")), E::Empty("vhost")),
        (with("masterarn", json!("broker-admin")), E::NotAnArn("masterarn")),
        (with("rotationStrategy", json!("triple")), E::UnknownStrategy),
        (plain, url_error.clone()),
        (user_info, url_error),
        (bad_host, E::Malformed { field: "host", expected: "a host name without scheme or port" }),
        (bad_port, E::Malformed { field: "port", expected: "a port number from 1 to 65535" }),
    ];
    for (secret, expected) in cases {
        assert_eq!(SecretValue::parse(&secret.to_string()).err(), Some(expected), "{secret}");
    }
    let mut lonely = without("masterarn");
    lonely["rotationStrategy"] = json!("alternating");
    assert_eq!(SecretValue::parse(&lonely.to_string()).err(), Some(E::AlternatingWithoutAdmin));
}

#[test]
fn a_near_miss_of_a_known_key_is_refused_with_what_was_meant() -> Result<(), SecretValueError> {
    for (key, words) in [
        ("masterArn", "`masterArn`: did you mean `masterarn`?"),
        ("master_arn", "`master_arn`: did you mean `masterarn`?"),
        ("UserName", "`UserName`: did you mean `username`?"),
        ("broker_id", "`broker_id`: did you mean `brokerId`?"),
        ("rotation-strategy", "`rotation-strategy`: did you mean `rotationStrategy`?"),
        ("vhost\n", "`vhost `: did you mean `vhost`?"),
    ] {
        for value in [json!("canary"), json!(null)] {
            let json = with(key, value).to_string();
            let error = SecretValue::parse(&json).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(words));
            // A version that is older than this rule can still be revoked.
            assert_eq!(SecretValue::parse_earlier(&json)?.username(), "payment");
        }
    }
    for key in ["hosts", "dbname", "dbInstanceIdentifier", "user"] {
        SecretValue::parse(&with(key, json!("x")).to_string())?;
    }
    Ok(())
}

#[test]
fn a_bare_password_or_broken_json_is_refused_without_being_quoted() {
    for text in [
        "canary-password",
        "\"canary-password\"",
        "[\"canary-password\"]",
        "{\"password\":\"canary-password\"",
        "",
    ] {
        let error = SecretValue::parse(text).err().map(|error| format!("{error} {error:?}"));
        assert!(error.is_some_and(|error| !error.contains("canary")), "{text}");
    }
}

#[test]
fn unknown_keys_are_kept_byte_for_byte() -> Result<(), Box<dyn std::error::Error>> {
    let json = r#"{"engine":"rabbitmq","username":"a1","password":"old","brokerId":"b-1","x":1.000000000000000000001,"y":{ "z" : [ null ] }}"#;
    let next = SecretValue::parse(json)?.with_credentials(
        &["a1", "a2"],
        "a2".to_owned(),
        Password::new("new".to_owned()),
    )?;
    let written = next.to_json()?;
    assert!(written.contains(r#""x":1.000000000000000000001"#), "{}", *written);
    assert!(written.contains(r#""y":{ "z" : [ null ] }"#), "{}", *written);
    assert!(written.contains(r#""username":"a2""#) && written.contains(r#""password":"new""#));
    assert!(!written.contains("old"));
    Ok(())
}

#[test]
fn debug_output_holds_no_password() -> Result<(), SecretValueError> {
    let value = SecretValue::parse(&valid().to_string())?;
    assert!(!format!("{value:?}").contains("canary"));
    Ok(())
}

proptest! {
    #[test]
    fn no_input_makes_the_parser_panic(text in any::<String>()) {
        let _ = SecretValue::parse(&text);
    }

    #[test]
    fn what_is_written_reads_back(username in "[a-z]{2,20}", password in "\\PC{1,60}") {
        let value = SecretValue::parse(&valid().to_string()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let next = value
            .with_credentials(&[], username.clone(), Password::new(password.clone()))
            .map_err(|e| TestCaseError::fail(e.to_string()))?;
        let json = next.to_json().map_err(|e| TestCaseError::fail(e.to_string()))?;
        let back = SecretValue::parse(&json).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(back.username(), username);
        prop_assert_eq!(back.password().expose(), password);
    }
}

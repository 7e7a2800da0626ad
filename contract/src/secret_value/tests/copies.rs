//! Keys that repeat the credentials: renewed, kept, or refused by name.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::{Just, Strategy as _, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

use super::super::*;

const OLD: &str = "Old/pass@word#1";
const OLD_ENCODED: &str = "Old%2Fpass%40word%231";
const NEW: &str = "New \"pass\\word:2";
const NEW_ENCODED: &str = "New%20%22pass%5Cword%3A2";
const PAIR: [&str; 2] = ["payment", "payment_clone"];

/// The other keys after a rotation of a secret that has `extra` keys in addition to the known ones, as text.
fn rotated_text(password: &str, broker: &Value, extra: &str) -> Result<String, SecretValueError> {
    let mut json = json!({"engine": "rabbitmq", "username": "payment", "password": password});
    if let (Some(secret), Some(broker)) = (json.as_object_mut(), broker.as_object()) {
        secret.extend(broker.clone());
    }
    let known = json.to_string();
    let json = format!("{},{}", known.trim_end_matches('}'), extra.trim_start().trim_start_matches('{'));
    let next = SecretValue::parse(&json)?.with_credentials(
        &PAIR,
        "payment_clone".to_owned(),
        Password::new(NEW.to_owned()),
    )?;
    Ok(next.to_json().map(|json| json.to_string()).unwrap_or_default())
}

fn rotated(password: &str, extra: &Value) -> Result<Value, SecretValueError> {
    let written = rotated_text(password, &json!({"brokerId": "b-1"}), &extra.to_string())?;
    let mut value: Value = serde_json::from_str(&written).unwrap_or_default();
    if let Some(value) = value.as_object_mut() {
        for known in ["engine", "username", "password", "brokerId"] {
            value.remove(known);
        }
    }
    Ok(value)
}

#[track_caller]
fn renews(extra: &Value, expected: &Value) {
    assert_eq!(rotated(OLD, extra).as_ref(), Ok(expected), "{extra}");
}

#[track_caller]
fn refuses(extra: &Value, key: &str) {
    match rotated(OLD, extra) {
        Err(error @ SecretValueError::UnclearCopy { .. }) => {
            let text = format!("{error} {error:?}");
            assert!(text.contains(&format!("`{key}`")), "{extra}: {error}");
            for password in [OLD, OLD_ENCODED, NEW, NEW_ENCODED] {
                assert!(!text.contains(password), "{error}");
            }
        }
        other => panic!("{extra}: {other:?}"),
    }
}

#[test]
fn a_uri_of_the_pair_gets_the_new_login_percent_encoded() {
    let new = format!("payment_clone:{NEW_ENCODED}");
    for (old, expected) in [
        (format!("amqps://payment:{OLD_ENCODED}@host:5671/vh"), format!("amqps://{new}@host:5671/vh")),
        // Not percent-encoded.
        (format!("amqps://payment:{OLD}@host:5671/vh"), format!("amqps://{new}@host:5671/vh")),
        // The vhost `/`, and a query.
        (
            format!("amqp://payment:{OLD_ENCODED}@host/%2f?heartbeat=5#x"),
            format!("amqp://{new}@host/%2f?heartbeat=5#x"),
        ),
        // A login that version 0.1 left behind: the other user, an old password, or a short one.
        ("amqps://payment_clone:ancient-1@host/vh".to_owned(), format!("amqps://{new}@host/vh")),
        ("amqps://payment:other@host".to_owned(), format!("amqps://{new}@host")),
        ("AMQPS://%70ayment:x@b-1.mq.eu-central-1.on.aws".to_owned(), {
            format!("AMQPS://{new}@b-1.mq.eu-central-1.on.aws")
        }),
        ("amqps://payment@host/vh".to_owned(), "amqps://payment_clone@host/vh".to_owned()),
        ("pyamqp://payment:x@host//".to_owned(), format!("pyamqp://{new}@host//")),
        (format!("amqps://payment:{OLD_ENCODED}@[::1]:5671/"), format!("amqps://{new}@[::1]:5671/")),
        // More than one URI, and text around them.
        (
            format!("amqps://payment:{OLD_ENCODED}@h1/vh,amqps://payment:x@h2/vh"),
            format!("amqps://{new}@h1/vh,amqps://{new}@h2/vh"),
        ),
        (
            "url: 'amqps://payment:x@h1/vh'\nqueue: payment\n".to_owned(),
            format!("url: 'amqps://{new}@h1/vh'\nqueue: payment\n"),
        ),
        // The login in the query.
        (
            "amqps://host/vh?user=payment&password=old&x=1".to_owned(),
            format!("amqps://host/vh?user=payment_clone&password={NEW_ENCODED}&x=1"),
        ),
        (
            format!("amqps://payment@host/vh?password={OLD_ENCODED}"),
            format!("amqps://payment_clone@host/vh?password={NEW_ENCODED}"),
        ),
        // The management API.
        (format!("https://payment:{OLD_ENCODED}@elsewhere/api"), format!("https://{new}@elsewhere/api")),
        ("https://payment:x@b-1.mq.x.on.aws/api".to_owned(), format!("https://{new}@b-1.mq.x.on.aws/api")),
    ] {
        renews(&json!({ "uri": old }), &json!({ "uri": expected }));
        renews(&json!({"deep": [{"list": ["x", old]}]}), &json!({"deep": [{"list": ["x", expected]}]}));
        let inside = |text: &str| json!({"config": json!({"url": text}).to_string()});
        renews(&inside(&old), &inside(&expected));
        let encoded = |text: &str| json!({"config": STANDARD.encode(text)});
        renews(&encoded(&old), &encoded(&expected));
    }
}

#[test]
fn a_uri_on_a_secret_with_a_host_is_distinguished_from_another_brokers() {
    let broker = json!({"host": "MQ.example.com", "managementUrl": "https://admin.example.com"});
    let rotate = |uri: &str| rotated_text(OLD, &broker, &json!({ "uri": uri }).to_string());
    for uri in [
        "amqps://payment:x@mq.example.com/vh",
        "https://payment:x@mq.example.com",
        "https://payment:x@admin.example.com:15671/api",
        &format!("amqps://payment:{OLD_ENCODED}@alias.example.com"),
    ] {
        assert!(rotate(uri).is_ok_and(|json| json.contains(NEW_ENCODED)), "{uri}");
    }
    // The same name of a user with another password at another broker: nobody can know whose login it is.
    assert!(matches!(
        rotate("amqps://payment:x@other.example.com/vh"),
        Err(SecretValueError::UnclearCopy { key, .. }) if key == "uri"
    ));
    let uri = "https://payment:x@nexus.example.com/repository";
    assert!(rotate(uri).is_ok_and(|json| json.contains(uri)));
}

#[test]
fn copies_of_the_password_and_their_users_are_renewed_in_their_form() {
    let basic = |user: &str, password: &str| STANDARD.encode(format!("{user}:{password}"));
    for (old, expected) in [
        (json!({"pass": OLD}), json!({"pass": NEW})),
        (json!({"RABBITMQ_PASSWORD": OLD_ENCODED}), json!({"RABBITMQ_PASSWORD": NEW_ENCODED})),
        (json!({"pw64": STANDARD.encode(OLD)}), json!({"pw64": STANDARD.encode(NEW)})),
        (json!({"auth": format!("payment:{OLD}")}), json!({"auth": format!("payment_clone:{NEW}")})),
        (
            json!({"authorization": format!("Basic {}", basic("payment", OLD))}),
            json!({"authorization": format!("Basic {}", basic("payment_clone", NEW))}),
        ),
        (
            json!({"auth": URL_SAFE_NO_PAD.encode(format!("payment:{OLD}"))}),
            json!({"auth": URL_SAFE_NO_PAD.encode(format!("payment_clone:{NEW}"))}),
        ),
        // The user belongs to the secret's own password, or to one with the same beginning.
        (
            json!({"user": "payment", "login": "payment"}),
            json!({"user": "payment_clone", "login": "payment_clone"}),
        ),
        (json!({"user": "payment_clone"}), json!({"user": "payment_clone"})),
        (
            json!({"MQ_USER": "payment", "MQ_PASS": OLD, "queue": "payment"}),
            json!({"MQ_USER": "payment_clone", "MQ_PASS": NEW, "queue": "payment"}),
        ),
        (
            json!({"spring": {"rabbitmq": {"username": "payment", "password": OLD, "virtual-host": "payment"}}}),
            json!({"spring": {"rabbitmq": {"username": "payment_clone", "password": NEW, "virtual-host": "payment"}}}),
        ),
        (
            json!({"a": [{"login": "payment", "token": OLD}]}),
            json!({"a": [{"login": "payment_clone", "token": NEW}]}),
        ),
        (
            json!({"a": {"user": STANDARD.encode("payment"), "password": STANDARD.encode(OLD)}}),
            json!({"a": {"user": STANDARD.encode("payment_clone"), "password": STANDARD.encode(NEW)}}),
        ),
    ] {
        renews(&old, &expected);
    }
}

#[test]
fn what_is_no_copy_stays_byte_for_byte() -> Result<(), SecretValueError> {
    for extra in [
        r#"{"vhost":"payment","queue":"payment","name":"payment","app":"payment","address":"payment:8080"}"#,
        r#"{"url":"http://payment:8080/users/a@b","git":"https://payment.example.com/payment@v1"}"#,
        r#"{"db":"postgres://payment:pg-secret@db/payment","jdbc":"jdbc:postgresql://payment:x/y@db/p"}"#,
        r#"{"dbUser":"payment","dbPassword":"pg-secret","db":{"user":"payment","password":"pg-secret"}}"#,
        r#"{"reporting":{"user":"payment","password":"other"},"tags":{"user":"payment"}}"#,
        r#"{"other":"amqps://billing:secret-1@host/vh","nexus":"https://payment:x@nexus.example.com/"}"#,
        r#"{"elastic":{"auth":"Basic cGF5bWVudDpvdGhlcnBhc3N3b3Jk"}}"#,
        r#"{"x":1.000000000000000000001,"y":{ "z" : [ null,"\u0061\/" ] , "z":1 },"half":"\ud800","empty":""}"#,
        r#"{"text":"{\"a\": 1}","no-json":"{payment","base64":"cGF5bWVudDogcXVldWU="}"#,
    ] {
        let written = rotated_text(OLD, &json!({"brokerId": "b-1"}), extra)?;
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(extra).unwrap_or_default();
        for (key, value) in fields {
            assert!(written.contains(&format!("\"{key}\":{}", value.get())), "{extra}: {written}");
        }
    }
    Ok(())
}

#[test]
fn a_short_password_counts_inside_a_uri_only() -> Result<(), SecretValueError> {
    let extra = json!({"word": "guest", "text": "a guest", "other": "amqps://billing:guest@host"});
    assert_eq!(rotated("guest", &extra)?, extra);
    let new = json!({"uri": format!("amqps://payment_clone:{NEW_ENCODED}@host")});
    assert_eq!(rotated("guest", &json!({"uri": "amqps://payment:guest@host"}))?, new);
    Ok(())
}

#[test]
fn a_password_that_equals_the_users_name_is_distinguished_by_its_key() -> Result<(), SecretValueError> {
    let json = r#"{"engine":"rabbitmq","username":"payment-1","password":"payment-1","brokerId":"b-1",
        "queue":"payment-1","user":"payment-1","pass":"payment-1","exchange":"payment-1.orders"}"#;
    let next = SecretValue::parse(json)?.with_credentials(
        &["payment-1", "payment-1_clone"],
        "payment-1_clone".to_owned(),
        Password::new("new-password".to_owned()),
    )?;
    let next: Value = serde_json::from_str(&next.to_json().unwrap_or_default()).unwrap_or_default();
    assert_eq!(next["queue"], "payment-1");
    assert_eq!(next["exchange"], "payment-1.orders");
    assert_eq!(next["user"], "payment-1_clone");
    assert_eq!(next["pass"], "new-password");
    Ok(())
}

#[test]
fn a_copy_that_cannot_be_renewed_with_certainty_is_refused_by_the_name_of_its_key() {
    let escaped = json!({"a": format!("x{OLD}")}).to_string();
    for (extra, key) in [
        (json!({"dsn": format!("host=h;username=payment;password={OLD}")}), "dsn"),
        (json!({"line": format!("{OLD}\n")}), "line"),
        (json!({"note": format!("password is {OLD_ENCODED}.")}), "note"),
        (
            json!({"header": format!("Authorization: Basic {}", STANDARD.encode(format!("payment:{OLD}")))}),
            "header",
        ),
        (json!({"a": {"b": [{"text": format!("x{OLD}")}]}}), "a.b[0].text"),
        (json!({"config": escaped}), "config.a"),
        (json!({"addresses": format!("payment:{OLD}@h1:5671")}), "addresses"),
        (json!({"uri": "amqps://payment:an#old/one@host/vh"}), "uri"),
        (json!({"deep": (0..9).fold(OLD.to_owned(), |text, _| STANDARD.encode(text))}), "deep"),
        (json!({"uri": format!("postgres://payment:{OLD_ENCODED}@db/x")}), "uri"),
        (json!({"uri": format!("amqps://billing:{OLD_ENCODED}@host")}), "uri"),
        (json!({"uri": "amqps://payment:x@b-2.mq.eu-central-1.on.aws"}), "uri"),
        (json!({"auth": format!("Basic {}", STANDARD.encode("payment:another"))}), "auth"),
        (json!({"users": {"payment": OLD}}), "users.payment"),
        (json!({"users": {"payment": {"password": OLD}}}), "users.payment.password"),
        (json!({"login": ["payment", OLD]}), "login[0]"),
        (json!({"broker": {"name": "payment", "password": OLD}}), "broker.name"),
        (json!({"db": {"password": OLD}}), "db.password"),
        (json!({"user": "payment", "pass": "another"}), "user"),
        (json!({"rabbitmq": {"user": "payment", "password": "another"}}), "rabbitmq.user"),
        (json!({(format!("k {OLD}")): 1}), "(key 1)"),
        (json!({"a": {(OLD): 1}}), "a.(key 1)"),
        (json!({"*odd*": format!("x{OLD}")}), "(key 1)"),
    ] {
        refuses(&extra, key);
    }
    let number = rotated("12345678", &json!({"pin": 12_345_678}));
    assert!(matches!(number, Err(SecretValueError::UnclearCopy { key, .. }) if key == "pin"));
}

#[test]
fn a_value_that_grows_beyond_a_secret_is_refused() {
    let uris = vec!["amqps://payment:x@h"; 2_500].join(",");
    assert_eq!(rotated(OLD, &json!({ "uris": uris })), Err(SecretValueError::TooLong));
}

#[test]
fn the_deepest_value_that_fits_is_read() -> Result<(), SecretValueError> {
    let deep = format!("{}\"{OLD}\"{}", "[".repeat(30_000), "]".repeat(30_000));
    let written = rotated_text(OLD, &json!({"brokerId": "b-1"}), &format!("{{\"deep\":{deep}}}"))?;
    assert!(!written.contains(OLD));
    Ok(())
}

/// JSON with pieces of credentials in it, in keys as well.
fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    let word = prop_oneof![
        Just(OLD.to_owned()),
        Just(OLD_ENCODED.to_owned()),
        Just("payment".to_owned()),
        Just("payment_clone".to_owned()),
        Just("amqps://payment:".to_owned()),
        Just("@host/vh?user=payment&password=".to_owned()),
        Just("user".to_owned()),
        Just("pass".to_owned()),
        Just(":".to_owned()),
        Just("{\"".to_owned()),
        Just(STANDARD.encode(format!("payment:{OLD}"))),
        "[a-z]{1,6}",
        any::<String>(),
    ];
    let text = prop::collection::vec(word, 0..4).prop_map(|words| words.concat());
    let leaf = prop_oneof![text.clone().prop_map(Value::from), any::<i64>().prop_map(Value::from)];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_other_key_makes_the_renewal_panic_or_keeps_or_shows_the_password(extra in any_json()) {
        match rotated(OLD, &json!({ "extra": extra })) {
            Ok(value) => {
                let text = value.to_string();
                let escaped = json!(OLD).to_string();
                prop_assert!(!text.contains(OLD) && !text.contains(escaped.trim_matches('"')), "{text}");
                prop_assert!(!text.contains(OLD_ENCODED), "{text}");
            }
            Err(error) => {
                let text = format!("{error} {error:?}");
                prop_assert!(!text.contains(OLD) && !text.contains(OLD_ENCODED), "{text}");
            }
        }
    }

    #[test]
    fn renewed_again_the_value_is_the_same_but_for_the_password(extra in any_json()) {
        let Ok(first) = rotated(OLD, &json!({ "extra": extra })) else { return Ok(()) };
        // Back to the first user and the first password: what was renewed is renewed again.
        let mut secret = json!({"engine": "rabbitmq", "username": "payment_clone", "password": NEW, "brokerId": "b-1"});
        secret["extra"] = first["extra"].clone();
        let back = SecretValue::parse(&secret.to_string())
            .and_then(|value| value.with_credentials(&PAIR, "payment_clone".to_owned(), Password::new(NEW.to_owned())));
        if let Ok(back) = back {
            let back: Value = serde_json::from_str(&back.to_json().unwrap_or_default()).unwrap_or_default();
            prop_assert_eq!(&back["extra"], &first["extra"]);
        }
    }
}

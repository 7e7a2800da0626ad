//! The suite's own types leave no copy of a password in memory when they are dropped, also if other keys of the value repeat
//! it. Libraries keep copies of their own (`SECURITY.md`), so this test has no form for which one of them does: `serde_json`
//! keeps one of a text with a backslash.
//!
//! It is a separate program, so that no other test reads or writes its memory.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{Password, SecretValue, SecretValueError};
use hostile::memory::{Masked, copies};

const NOWHERE: [usize; 2] = [0, 0];
/// The keys that name the broker and the admin secret.
const ADDRESS: &str = r#""engine":"rabbitmq","brokerId":"b-1234","masterarn":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq-admin-AbCdEf""#;

fn count(wanted: &[Masked; 2]) -> std::io::Result<Vec<usize>> {
    copies(Path::new("/proc/self"), wanted)
}

/// A text with the password in each place of `PASSWORD`. It never grows.
fn text(template: &str, password: &Masked) -> String {
    let mut text = String::with_capacity(template.len() + 64 * template.matches("PASSWORD").count());
    for (number, piece) in template.split("PASSWORD").enumerate() {
        if number > 0 {
            password.reveal_to(&mut text);
        }
        text.push_str(piece);
    }
    text
}

fn wipe(text: String) {
    let mut bytes = text.into_bytes();
    bytes.fill(b'.');
    std::hint::black_box(&bytes);
}

/// Parses a secret value, and wipes its text.
fn parsed(template: &str, password: &Masked) -> Result<SecretValue, SecretValueError> {
    let json = text(template, password);
    let value = SecretValue::parse(&json);
    wipe(json);
    value
}

fn renewed(value: &SecretValue, password: &Masked) -> Result<SecretValue, SecretValueError> {
    let users = ["payment", "payment_clone"];
    value.with_credentials(&users, "payment_clone".to_owned(), Password::new(text("PASSWORD", password)))
}

#[test]
fn no_password_is_left_in_memory_by_a_type_of_the_suite() -> std::io::Result<()> {
    let (old, new) = (Masked::made_of(11), Masked::made_of(12));
    let wanted = [old.clone(), new.clone()];
    assert_eq!(count(&wanted)?, NOWHERE, "before");

    let password = Password::new(text("PASSWORD", &old));
    assert_eq!(count(&wanted)?, [1, 0], "the search finds a copy");
    drop(password);
    assert_eq!(count(&wanted)?, NOWHERE, "after a Password");

    let login = text("payment:PASSWORD", &old);
    let basic = STANDARD.encode(&login);
    wipe(login);
    let own = r#""username":"payment","password":"PASSWORD""#;
    let uri = "amqps://payment:PASSWORD@b-1234.mq.eu-central-1.amazonaws.com:5671/%2f?heartbeat=30";
    // Each of them, with the copies in the old value and in the next one.
    for (others, copies) in [
        (String::new(), 1),
        (format!(r#","uri":"{uri}","note":"{}""#, "long ".repeat(40)), 2),
        (format!(r#","uris":["{uri}","{uri}"],"spring":{{"user":"payment","pass":"PASSWORD"}}"#), 4),
        (format!(r#","authorization":"Basic {basic}","login":"payment:PASSWORD""#), 2),
        (r#","database":{"url":"postgres://payment:other@db/x%2fy"}"#.to_owned(), 1),
    ] {
        let value = parsed(&format!("{{{ADDRESS},{own}{others}}}"), &old).expect("the value is right");
        assert_eq!(count(&wanted)?, [copies, 0], "a value has no further copy: {others}");
        let next = renewed(&value, &new).expect("the value can be renewed");
        assert_eq!(count(&wanted)?, [copies, copies], "the next value: {others}");
        let written = next.to_json().expect("the value can be written");
        assert_eq!(count(&wanted)?, [copies, 2 * copies], "the JSON of the next value: {others}");
        drop((value, next, written));
        assert_eq!(count(&wanted)?, NOWHERE, "after values and their JSON: {others}");
    }

    // Values that rotate only after a person has changed them.
    for others in [
        r#""uri":"amqps://payment:PASSWORD@b-1234.mq.eu-central-1.amazonaws.com","note":"it is PASSWORD+%2f""#,
        r#""database":{"password":"PASSWORD"}"#,
        r#""copy":"PASSWORD","payment":{"copy":"PASSWORD"}"#,
    ] {
        let value = parsed(&format!("{{{ADDRESS},{own},{others}}}"), &old).expect("the value is right");
        let refused = renewed(&value, &new);
        assert!(matches!(refused, Err(SecretValueError::UnclearCopy { .. })), "{refused:?}: {others}");
        drop(value);
        assert_eq!(count(&wanted)?, NOWHERE, "after a renewal that is refused: {others}");
    }

    // Values that are refused after their password was read.
    for template in [
        r#"{"engine":"rabbitmq","username":"payment","password":"PASSWORD","copy":"PASSWORD","host":7}"#,
        r#"{"engine":"rabbitmq","password":"PASSWORD","username":"payment","password":"x"}"#,
        r#"{"engine":"rabbitmq","username":"payment","password":"PASSWORD","host":"#,
    ] {
        assert!(parsed(template, &old).is_err(), "{template}");
        assert_eq!(count(&wanted)?, NOWHERE, "after a refused value: {template}");
    }
    Ok(())
}

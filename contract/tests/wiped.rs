//! The suite's own types leave no copy of a password in memory when they are dropped. Libraries keep copies of their own
//! (`docs/src/threat-model.md`), so this test uses none.
//!
//! It is a separate program, so that no other test reads or writes its memory.

use std::path::Path;

use contract::{Password, SecretValue};
use hostile::memory::{Masked, copies};

const NOWHERE: [usize; 2] = [0, 0];

fn count(wanted: &[Masked; 2]) -> std::io::Result<Vec<usize>> {
    copies(Path::new("/proc/self"), wanted)
}

/// A text with the password between two others. It never grows.
fn text(before: &str, password: &Masked, after: &str) -> String {
    let mut text = String::with_capacity(before.len() + after.len() + 64);
    text.push_str(before);
    password.reveal_to(&mut text);
    text.push_str(after);
    text
}

fn wipe(text: String) {
    let mut bytes = text.into_bytes();
    bytes.fill(b'.');
    std::hint::black_box(&bytes);
}

#[test]
fn no_password_is_left_in_memory_by_a_type_of_the_suite() -> std::io::Result<()> {
    let (old, new) = (Masked::made_of(11), Masked::made_of(12));
    let wanted = [old.clone(), new.clone()];
    assert_eq!(count(&wanted)?, NOWHERE, "before");

    let password = Password::new(text("", &old, ""));
    assert_eq!(count(&wanted)?, [1, 0], "the search finds a copy");
    drop(password);
    assert_eq!(count(&wanted)?, NOWHERE, "after a Password");

    let begin = r#"{"engine":"rabbitmq","username":"payment","brokerId":"b-1234","password":""#;
    let end =
        r#"","masterarn":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq-admin-AbCdEf"}"#;
    let json = text(begin, &old, end);
    let value = SecretValue::parse(&json).expect("the value is right");
    wipe(json);
    assert_eq!(count(&wanted)?, [1, 0], "a value has one copy");
    let next = value.with_credentials(&[], "payment_clone".to_owned(), Password::new(text("", &new, "")));
    let next = next.expect("the value can be renewed");
    let written = next.to_json().expect("the value can be written");
    assert_eq!(count(&wanted)?, [1, 2], "the next value, and its JSON");
    drop((value, next, written));
    assert_eq!(count(&wanted)?, NOWHERE, "after values and their JSON");

    // A value that is refused after its password was read.
    let refused = text(r#"{"engine":"rabbitmq","username":"payment","password":""#, &old, r#"","host":7}"#);
    assert!(SecretValue::parse(&refused).is_err());
    wipe(refused);
    assert_eq!(count(&wanted)?, NOWHERE, "after a refused value");
    Ok(())
}

use super::*;

fn hashed(credential: &str, salt: [u8; SALT_BYTES]) -> String {
    let digest = Sha256::digest([salt.as_slice(), credential.as_bytes()].concat());
    STANDARD.encode([salt.as_slice(), digest.as_slice()].concat())
}

#[test]
fn every_form_is_found_wherever_it_stands_and_ordinary_text_is_not() {
    let watcher = Watcher::default();
    for credential in [PASSWORD, ODD, TOKEN] {
        let json = serde_json::json!({"a": credential}).to_string();
        for text in [
            format!("the password is {credential}."),
            json.clone(),
            serde_json::json!({"nested": json}).to_string(),
            format!("amqps://u:{}@host", utf8_percent_encode(credential, NON_ALPHANUMERIC)),
            STANDARD.encode(format!("payment:{credential}")),
            STANDARD.encode(format!("payments:{credential}")),
            STANDARD.encode(format!("payment_clone:{credential}")),
            format!("\"password_hash\":\"{}\"", hashed(credential, [1, 2, 3, 250])),
            credential.chars().skip(3).take(20).collect(),
        ] {
            assert!(watcher.found_in(text.as_bytes()).is_some(), "a form is not found: {text}");
        }
    }
    for text in ["", "Xk7Qv2Lm9Zt", "the field `password` must be a string", &hashed("other", [0; 4])] {
        assert_eq!(watcher.found_in(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn what_is_found_is_named_without_the_credential() {
    let found = Watcher::default().found_in(PASSWORD.as_bytes()).unwrap();
    assert_eq!(found, "credential 0 (raw)");
}

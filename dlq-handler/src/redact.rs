//! Quotes a message that the handler does not understand, without a credential in it.
//!
//! Every text that may be a credential is left out, even if it is none. An excerpt helps to find the sender. It need not
//! be complete.

use contract::cut;
use serde_json::Value;

/// The longest excerpt, in bytes. It is only a part of an alert.
const EXCERPT_LIMIT: usize = 600;
/// The longest text that is examined, in bytes. SQS and SNS accept no message that is much larger.
const TEXT_LIMIT: usize = 512 * 1024;
/// A run of this many letters and digits is long enough for a password or a key.
const RUN_LIMIT: usize = 12;
/// Longer than the words of messages: several words written as one can be a password, too.
const WORD_LIMIT: usize = 16;
const LEFT_OUT: &str = "[left out]";
/// The nesting of JSON in strings in JSON. SNS in SQS is two levels.
const DEPTH_LIMIT: usize = 16;
/// Parts of names of fields, in lower case. The values of such fields are never quoted.
const SENSITIVE: [&str; 12] = [
    "password",
    "passwd",
    "pwd",
    "secretstring",
    "secretbinary",
    "secretvalue",
    "token",
    "authorization",
    "credential",
    "privatekey",
    "apikey",
    "accesskey",
];

/// The beginning of `body`, without text that may be a credential.
#[must_use]
pub fn excerpt(body: &str) -> String {
    let body = cut(body, TEXT_LIMIT);
    let redacted = match serde_json::from_str::<Value>(&body) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => json(&value, DEPTH_LIMIT).to_string(),
        _ => text(&body),
    };
    cut(&redacted, EXCERPT_LIMIT)
}

/// `words` without text that may be a credential. For error messages that others wrote.
#[must_use]
pub fn text(words: &str) -> String {
    let mut redacted = String::new();
    let mut run = String::new();
    let mut hide_next = false;
    let end = |run: &mut String, redacted: &mut String, hide_next: &mut bool| {
        let names_one = is_sensitive(run);
        if looks_random(run) || (*hide_next && !run.is_empty() && !names_one) {
            redacted.push_str(LEFT_OUT);
            *hide_next = false;
        } else {
            redacted.push_str(run);
            *hide_next = names_one || (*hide_next && run.is_empty());
        }
        run.clear();
    };
    for character in words.chars() {
        if character.is_alphanumeric() || "_-+".contains(character) {
            run.push(character);
            continue;
        }
        end(&mut run, &mut redacted, &mut hide_next);
        redacted.push(if character.is_control() { ' ' } else { character });
    }
    end(&mut run, &mut redacted, &mut hide_next);
    redacted
}

fn json(value: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::String(LEFT_OUT.to_owned());
    }
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| {
                    let hidden = || Value::String(LEFT_OUT.to_owned());
                    (text(key), if is_sensitive(key) { hidden() } else { json(value, depth - 1) })
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| json(item, depth - 1)).collect()),
        Value::String(inner) => match serde_json::from_str::<Value>(inner) {
            Ok(nested @ (Value::Object(_) | Value::Array(_))) => json(&nested, depth - 1),
            _ => Value::String(text(inner)),
        },
        other => other.clone(),
    }
}

fn is_sensitive(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    SENSITIVE.iter().any(|part| plain.contains(part))
}

/// Whether a run of letters and digits may be a credential. Words and names do not have digits among letters, or capitals
/// in their middle, that often.
fn looks_random(run: &str) -> bool {
    let count = |test: fn(char) -> bool| run.chars().filter(|&c| test(c)).count();
    let digits = count(|c| c.is_ascii_digit());
    let letters = count(char::is_alphabetic);
    let capitals = count(char::is_uppercase);
    let mixed = (digits > 0 && letters > 0) || (capitals > 1 && capitals < letters && capitals * 3 > letters);
    let longest_word = run.split(['-', '_', '+']).map(|word| word.chars().count()).max().unwrap_or(0);
    let is_long = run.chars().count() >= 3 * RUN_LIMIT || (capitals == 0 && longest_word > WORD_LIMIT);
    run.chars().count() >= RUN_LIMIT && (mixed || is_long)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_that_hold_credentials_are_left_out_at_any_depth() {
        let inner = r#"{"user":"payment","Password":"tiny","more":{"rotation_token":"x y"}}"#;
        let body = serde_json::json!({"Message": inner, "SecretString": "abc", "note": "kept"}).to_string();
        assert_eq!(
            excerpt(&body),
            r#"{"Message":{"Password":"[left out]","more":{"rotation_token":"[left out]"},"user":"payment"},"SecretString":"[left out]","note":"kept"}"#
        );
    }

    #[test]
    fn words_that_name_a_credential_hide_what_follows() {
        for (words, expected) in [
            ("password=swordfish, and so on", "password=[left out], and so on"),
            ("the password: swordfish!", "the password: [left out]!"),
            ("admin:Xk3-9aQz_81LmPq4@host", "admin:[left out]@host"),
            (
                "cannot read arn:aws:secretsmanager:eu:1:secret:rabbitmq/payment",
                "cannot read arn:aws:secretsmanager:eu:1:secret:rabbitmq/payment",
            ),
            ("task timed out after 60 seconds", "task timed out after 60 seconds"),
            ("it is correcthorsebattery for all", "it is [left out] for all"),
            (
                "rotation-rotation-mq: a misconfiguration (InvalidParameterException)",
                "rotation-rotation-mq: a misconfiguration (InvalidParameterException)",
            ),
        ] {
            assert_eq!(text(words), expected);
        }
    }

    proptest! {
        #[test]
        fn a_password_of_the_suite_never_shows(
            password in "[A-Za-z0-9_-]{32,64}",
            before in ".{0,40}",
            after in ".{0,40}",
        ) {
            let plain = format!("{before} {password} {after}");
            prop_assert!(!excerpt(&plain).contains(&password));
            let json = serde_json::json!({"a": [before, {"b": plain}], "c": password}).to_string();
            prop_assert!(!excerpt(&json).contains(&password));
        }

        #[test]
        fn an_excerpt_is_short_and_on_one_line(body in "(?s).{0,2000}") {
            let excerpt = excerpt(&body);
            prop_assert!(excerpt.len() <= EXCERPT_LIMIT);
            prop_assert!(!excerpt.contains('\n'));
        }
    }
}

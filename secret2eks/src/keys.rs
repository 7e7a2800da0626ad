//! What a key of a secret may hold, as far as its name shows. Pure: secret2eks never reads a secret's value.

use contract::KNOWN_KEYS;

const PASSWORD: &str = "password";

/// Whether the value of `key` may hold the password. An empty key means the whole value. A rotation writes the new
/// password into `password`, and into unknown keys that repeat the old one, such as a URI.
pub(crate) fn may_hold_the_password(key: &str) -> bool {
    key == PASSWORD || !KNOWN_KEYS.contains(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn of_the_keys_that_the_contract_knows_only_the_password_may_hold_it() {
        let schema = include_str!("../../contract/schemas/secret-value.json");
        let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
        let known = schema["properties"].as_object().expect("the schema has properties");
        let carriers: Vec<_> = known.keys().filter(|key| may_hold_the_password(key)).collect();
        assert_eq!(carriers, ["password"]);
        assert_eq!(known.len(), KNOWN_KEYS.len());
    }

    #[test]
    fn the_whole_value_and_keys_that_the_contract_does_not_know_may_hold_it() {
        for key in
            ["", "uri", "amqp_url", "RABBITMQ_PASS", "spring.rabbitmq.password", "hosts", "username.uri"]
        {
            assert!(may_hold_the_password(key), "{key}");
        }
    }
}

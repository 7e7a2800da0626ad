//! Which pair a request is about, and what is refused before the broker is asked.

use contract::SecretValueError;
use serde_json::json;

use super::*;

#[test]
fn a_request_must_name_the_broker_and_the_user_of_its_secret() -> Result<(), SecretValueError> {
    let by_id = json!({"brokerId": "b-1"});
    let by_host = json!({"host": "Rabbit.Example", "port": 5671});
    let alone = json!({"brokerId": "b-1", "masterarn": null});
    let not_of_pair = |user: &str| {
        Some(Refusal::Taken(Taken::NotOfPair { user: user.to_owned(), base: "payment".to_owned() }))
    };
    for (value, user, broker, username, pin, expected) in [
        (&by_id, "payment", "b-1", "payment", None, None),
        (&by_id, "payment_clone", "b-1", "payment", Some("payment"), None),
        (&by_host, "payment", "rabbit.example", "payment", None, None),
        (
            &by_id,
            "payment",
            "b-2",
            "payment",
            None,
            Some(Refusal::OtherBroker { expected: "b-1".to_owned() }),
        ),
        (
            &by_host,
            "payment",
            "rabbit.example:5671",
            "payment",
            None,
            Some(Refusal::OtherBroker { expected: "rabbit.example".to_owned() }),
        ),
        (&by_id, "billing", "b-1", "payment", None, not_of_pair("billing")),
        (&by_id, "billing", "b-1", "payment", Some("payment"), not_of_pair("billing")),
        (
            &by_id,
            "payment",
            "b-1",
            "payment",
            Some("order"),
            Some(Refusal::OtherUser { expected: "order".to_owned() }),
        ),
        (&by_id, "payment_clone", "b-1", "payment_clone", None, Some(Refusal::SecondUser)),
        (&by_id, "payment_clone", "b-1", "payment_clone", Some("payment_clone"), None),
        (&alone, "payment", "b-1", "payment", None, Some(Refusal::WithoutAdmin)),
    ] {
        let mut all = json!({
            "engine": "rabbitmq", "password": "x", "username": user,
            "masterarn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:admin/a-AbCdEf",
        });
        for (field, change) in value.as_object().into_iter().flatten() {
            all[field] = change.clone();
        }
        if let Some(fields) = all.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        let identity =
            Identity { secret: ARN.to_owned(), broker: broker.to_owned(), username: username.to_owned() };
        let found = pair_of(&identity, pin, &SecretValue::parse(&all.to_string())?);
        assert_eq!(found.err(), expected, "{all} {broker} {username} {pin:?}");
    }
    Ok(())
}

#[test]
fn neither_the_admin_nor_the_user_that_takes_turns_with_it_is_a_user_of_a_deployment() {
    for (user, admin, expected) in [
        ("payment", "admin", false),
        ("admin", "admin", true),
        ("admin", "admin_clone", true),
        ("admin_clone", "admin", true),
        ("admin_clone", "admin_clone", true),
        ("admin_clone_clone", "admin", false),
        ("adm", "admin", false),
    ] {
        assert_eq!(is_of_admin(user, admin), expected, "{user} {admin}");
    }
}

#[test]
fn permissions_include_the_vhost_of_the_secret_if_there_are_any() {
    assert_eq!(check_vhost(&wanted(), "/"), Ok(()));
    assert_eq!(check_vhost(&Grants::default(), "/"), Ok(()));
    let refusal = Refusal::VhostNotPermitted { vhost: "orders".to_owned() };
    assert_eq!(check_vhost(&wanted(), "orders"), Err(refusal));
}

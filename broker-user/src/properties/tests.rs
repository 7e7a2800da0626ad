//! The properties of a user: what is read, and what is refused.

use serde_json::json;

use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";

fn with(changes: &Value) -> Value {
    let mut event = json!({
        "SecretArn": ARN, "Username": "payment", "Broker": "b-1234",
        "Permissions": [{"Vhost": "/", "Configure": "", "Write": "^orders$", "Read": "^payment"}],
    });
    for (field, value) in changes.as_object().into_iter().flatten() {
        event[field] = value.clone();
    }
    event
}

fn read(changes: &Value) -> Result<Wanted, String> {
    let event = with(changes);
    let fields = Fields::of_event(&event).map_err(|error| error.to_string())?;
    Wanted::read(&fields, &["ServiceToken", "ServiceTimeout"]).map_err(|error| error.to_string())
}

#[test]
fn the_properties_of_a_user_are_its_grants() -> Result<(), String> {
    let wanted = read(&json!({
        "TopicPermissions": [{"Vhost": "/", "Exchange": "", "Write": "^order", "Read": ""}],
        "Limits": {"MaxConnections": "7", "MaxChannels": 9},
        "Tags": ["reporting"],
        "ServiceToken": "arn", "ServiceTimeout": "240",
    }))?;
    assert_eq!(wanted.identity.physical_id(), "b-1234/payment");
    let grants = wanted.grants;
    assert_eq!(grants.tags, ["reporting".to_owned()].into());
    let limits = [("max-channels".to_owned(), 9), ("max-connections".to_owned(), 7)];
    assert_eq!(grants.limits, limits.into());
    let permission = grants.permissions.get("/").ok_or("no permission")?;
    assert_eq!((permission.write.as_str(), permission.read.as_str()), ("^orders$", "^payment"));
    let topic =
        grants.topic_permissions.get(&("/".to_owned(), String::new())).ok_or("no topic permission")?;
    assert_eq!(topic.write, "^order");
    Ok(())
}

#[test]
fn what_is_missing_is_granted_to_nobody() -> Result<(), String> {
    let event = json!({"SecretArn": ARN, "Username": "payment", "Broker": "rabbit.example"});
    let fields = Fields::of_event(&event).map_err(|error| error.to_string())?;
    let wanted = Wanted::read(&fields, &[]).map_err(|error| error.to_string())?;
    assert_eq!(wanted.grants, Grants::default());
    Ok(())
}

#[test]
fn a_host_is_the_same_in_any_case() -> Result<(), String> {
    let wanted = read(&json!({"Broker": "Rabbit.EXAMPLE"}))?;
    assert_eq!(wanted.identity.physical_id(), "rabbit.example/payment");
    Ok(())
}

#[test]
fn what_is_wrong_with_a_property_is_named() {
    let permission = |changes: Value| {
        let mut entry = json!({"Vhost": "/", "Configure": "", "Write": "", "Read": ""});
        for (field, value) in changes.as_object().into_iter().flatten() {
            entry[field] = value.clone();
        }
        json!({"Permissions": [entry]})
    };
    let topic = |exchange: &str| json!({"Vhost": "/", "Exchange": exchange, "Write": "", "Read": ""});
    let entry = json!({"Vhost": "/", "Configure": "", "Write": "", "Read": ""});
    for (changes, expected) in [
        (json!({"SecretArn": "rabbitmq/payment"}), "`SecretArn` must be the ARN of a secret"),
        (json!({"SecretArn": null}), "`SecretArn` must be a string"),
        (
            json!({"SecretArn": format!("{ARN}{}", "x".repeat(2_048))}),
            "`SecretArn` must be a string of 1 to 2048",
        ),
        (json!({"Broker": ""}), "`Broker` must be a string of 1 to 255"),
        (json!({"Broker": "https://b-1234"}), "`Broker` must be the `brokerId`"),
        (json!({"Broker": "none"}), "`Broker` must be the `brokerId`"),
        (json!({"Broker": "None"}), "`Broker` must be the `brokerId`"),
        (json!({"Username": "u".repeat(250)}), "`Username` must be a string of 1 to 249"),
        (json!({"Username": "ü".repeat(200)}), "`Username` must be a name of 1 to 249 bytes"),
        (json!({"Username": "pay:ment"}), "`Username` must be a name"),
        (json!({"Username": ".."}), "`Username` must be a name"),
        (json!({"Username": "pay\nment"}), "without control characters"),
        (json!({"Username": "guest"}), "`Username` must be another user"),
        (json!({"Permissions": {}}), "`Permissions` must be a list of at most 100 entries"),
        (
            json!({"Permissions": vec![entry.clone(); 101]}),
            "`Permissions` must be a list of at most 100 entries",
        ),
        (json!({"Permissions": ["/"]}), "`Permissions[0]` must be an object"),
        (json!({"Permissions": [entry.clone(), entry]}), "`Permissions[1].Vhost` must be another vhost"),
        (permission(json!({"Vhost": ""})), "`Permissions[0].Vhost` must be a string of 1 to 255"),
        (permission(json!({"Vhost": "."})), "`Permissions[0].Vhost` must be at most"),
        (permission(json!({"Vhost": "ü".repeat(200)})), "`Permissions[0].Vhost` must be at most"),
        (permission(json!({"Write": null})), "`Permissions[0].Write` must be a string of 0 to 500"),
        (
            permission(json!({"Write": "x".repeat(501)})),
            "`Permissions[0].Write` must be a string of 0 to 500",
        ),
        (permission(json!({"write": ""})), "`Permissions[0].write` is no property: did you mean `Write`?"),
        (permission(json!({"Exchange": ""})), "`Permissions[0].Exchange` is no property"),
        (
            json!({"TopicPermissions": [topic("a"), topic("b"), topic("a")]}),
            "`TopicPermissions[2].Exchange` must be another exchange",
        ),
        (json!({"TopicPermissions": [topic(&"x".repeat(256))]}), "`TopicPermissions[0].Exchange` must be"),
        (json!({"Limits": []}), "`Limits` must be an object"),
        (json!({"Limits": {"MaxConnections": "0"}}), "`Limits.MaxConnections` must be a whole number from 1"),
        (json!({"Limits": {"MaxConnections": "-1"}}), "`Limits.MaxConnections` must be a whole number"),
        (json!({"Limits": {"MaxChannels": 1.5}}), "`Limits.MaxChannels` must be a whole number"),
        (json!({"Limits": {"MaxChannels": ""}}), "`Limits.MaxChannels` must be a whole number"),
        (json!({"Limits": {"MaxChannel": 1}}), "did you mean `MaxChannels`?"),
        (json!({"Limits": {"max-connections": 1}}), "did you mean `MaxConnections`?"),
        (json!({"Tags": "reporting"}), "`Tags` must be a list"),
        (json!({"Tags": ["a,administrator"]}), "`Tags[0]` must be a tag"),
        (json!({"Tags": ["a", ""]}), "`Tags[1]` must be a tag"),
        (json!({"Tags": [" a"]}), "`Tags[0]` must be a tag"),
        (json!({"Tag": []}), "`Tag` is no property: did you mean `Tags`?"),
        (json!({"UserName": "x"}), "`UserName` is no property: did you mean `Username`?"),
        (json!({"secret_arn": "x"}), "`secret_arn` is no property: did you mean `SecretArn`?"),
        (json!({"TopicPermission": []}), "did you mean `TopicPermissions`?"),
        (json!({"Password": "canary"}), "`Password` is no property"),
        (json!({"canary\n": 1}), "`(a name with other characters"),
    ] {
        let error = read(&changes).err().unwrap_or_default();
        assert!(error.contains(expected), "{changes}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn the_longest_texts_are_accepted() -> Result<(), String> {
    let entry =
        json!({"Vhost": "v".repeat(255), "Configure": "x".repeat(500), "Write": "", "Read": "ü".repeat(500)});
    read(&json!({"Permissions": [entry], "Username": "u".repeat(249), "Tags": ["t".repeat(100)]}))?;
    Ok(())
}

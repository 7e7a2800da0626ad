//! Permissions of users, and the comparison of two users.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::broker;

#[tokio::test]
async fn users_are_equal_exactly_when_they_may_do_the_same() -> Result<()> {
    let management = broker().await?.management()?;
    let vhost = "orders/eu & more";
    management.create_vhost(vhost).await?;
    management.create_topic_exchange(vhost, "events").await?;
    // The order differs for each user, and one has the tag that Amazon MQ reserves.
    management.create_user("original", "a-password-123", &["policymaker", "monitoring", "protected"]).await?;
    management.set_permissions("original", "/", ["", "w", "r"]).await?;
    management.set_permissions("original", vhost, [".*"; 3]).await?;
    management.set_topic_permission("original", vhost, "events", ["^a", "^b"]).await?;
    management.set_topic_permission("original", vhost, "", [".*", ".*"]).await?;
    management.set_limit("original", "max-connections", 7).await?;
    management.create_user("copy", "a-password-123", &["monitoring", "policymaker"]).await?;
    management.set_limit("copy", "max-connections", 7).await?;
    management.set_topic_permission("copy", vhost, "", [".*", ".*"]).await?;
    management.set_topic_permission("copy", vhost, "events", ["^a", "^b"]).await?;
    management.set_permissions("copy", vhost, [".*"; 3]).await?;
    management.set_permissions("copy", "/", ["", "w", "r"]).await?;
    let original = management.grants("original").await?;
    assert_eq!(original, management.grants("copy").await?);
    assert_eq!(original["tags"], json!(["monitoring", "policymaker"]));
    assert_eq!(original["limits"], json!({"max-connections": 7}));
    assert_eq!(original["topic_permissions"].as_object().map(serde_json::Map::len), Some(2));

    management.set_limit("copy", "max-connections", 8).await?;
    assert_ne!(original, management.grants("copy").await?);
    management.set_limit("copy", "max-connections", 7).await?;
    management.set_topic_permission("copy", vhost, "events", ["^a", "^c"]).await?;
    assert_ne!(original, management.grants("copy").await?);
    management.set_topic_permission("copy", vhost, "events", ["^a", "^b"]).await?;
    management.clear_permissions("copy", "/").await?;
    assert_ne!(original, management.grants("copy").await?);
    assert!(management.grants("nobody").await.is_err());
    management.delete_vhost(vhost).await
}

#[tokio::test]
async fn a_topic_permission_on_a_missing_exchange_is_refused_by_4_3_and_kept_by_older_ones() -> Result<()> {
    let broker = broker().await?;
    let management = broker.management()?;
    management.create_user("topical", "a-password-123", &[]).await?;
    let body = json!({"exchange": "missing", "write": ".*", "read": ".*"});
    let answer = management.call(Method::PUT, &["topic-permissions", "/", "topical"], Some(&body)).await?;
    if ["3.", "4.0.", "4.1.", "4.2."].iter().any(|older| broker.version().starts_with(older)) {
        assert_eq!(answer.status, 201);
    } else {
        assert_eq!((answer.status, &answer.body["reason"]), (400, &json!(["no_such_exchange", "missing"])));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_answered_by_404_for_a_user_and_a_vhost_and_by_400_in_a_grant() -> Result<()> {
    let management = broker().await?.management()?;
    management.create_user("present", "a-password-123", &[]).await?;
    for path in [
        &["users", "absent"][..],
        &["users", "absent", "permissions"],
        &["users", "absent", "topic-permissions"],
        &["user-limits", "absent"],
        &["permissions", "/", "present"],
        &["vhosts", "absent"],
    ] {
        assert_eq!(management.call(Method::GET, path, None).await?.status, 404, "{path:?}");
    }
    for path in [
        &["users", "present", "permissions"][..],
        &["users", "present", "topic-permissions"],
        &["user-limits", "present"],
    ] {
        let answer = management.call(Method::GET, path, None).await?;
        assert_eq!((answer.status, answer.body), (200, json!([])), "{path:?}");
    }
    let nothing = json!({"error": "bad_request", "reason": "vhost_or_user_not_found"});
    let grant = json!({"configure": "", "write": "", "read": ""});
    for path in [["permissions", "absent", "present"], ["permissions", "/", "absent"]] {
        let answer = management.call(Method::PUT, &path, Some(&grant)).await?;
        assert_eq!((answer.status, answer.body), (400, nothing.clone()), "{path:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_listed_connection_has_its_address_in_its_name_and_little_else() -> Result<()> {
    let broker = broker().await?;
    let _connection = super::connected(broker, "listed", "a-password-123").await?;
    let answer = broker.management()?.call(Method::GET, &["connections", "username", "listed"], None).await?;
    let Some([connection]) = answer.body.as_array().map(Vec::as_slice) else { anyhow::bail!("{answer:?}") };
    let keys: Vec<&String> = connection.as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
    assert_eq!(keys, ["name", "node", "user", "vhost"]);
    let name = connection["name"].as_str().unwrap_or_default();
    assert!(
        name.starts_with("127.0.0.1:") && name.ends_with(&format!(" -> 127.0.0.1:{}", broker.amqps_port())),
        "{name}"
    );
    assert_ne!(connection["vhost"], Value::Null);
    Ok(())
}

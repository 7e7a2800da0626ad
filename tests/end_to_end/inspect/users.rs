//! Whose the users are, and what differs between them.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, random_text};

use super::{after_years, inspect, inspect_with, kinds, login_of, said};

/// The user of an inspection with this name.
fn user<'a>(inspection: &'a Value, name: &str) -> Option<&'a Value> {
    inspection["users"].as_array()?.iter().find(|user| user["name"] == name)
}

/// The tags of the user without the mark.
async fn unmark(cloud: &Cloud, user: &str) -> Result<()> {
    let management = cloud.broker.management()?;
    let account = management.user(user).await?.unwrap_or_default();
    let tags = account["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let kept: Vec<&str> = tags.filter(|tag| !tag.starts_with("secret-")).collect();
    management.replace_tags(user, &kept).await
}

#[test]
fn a_clone_that_belongs_to_another_secret_is_told_before_a_rotation_fails_of_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let first = cloud.create_app(&name("theirs")).await?;
        cloud.rotate_successfully(&first.arn).await?;
        let value = cloud.value(&first.arn, "AWSPREVIOUS").await?;
        let second = cloud.create_secret(&format!("rabbitmq/{}", name("copied")), &value.to_string()).await?;
        let seen = inspect(cloud, &second).await?;
        let clone = format!("{}_clone", first.user);
        ensure!(said(&seen, "pair.taken")?.contains(&clone), "{seen:#}");
        ensure!(user(&seen, &clone).is_some_and(|user| user["owner"] == "anotherSecret"), "{seen:#}");
        Ok(())
    })
}

#[test]
fn a_user_without_a_mark_is_proved_by_a_version_or_belongs_to_nobody() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("proved")).await?;
        // Two values by hand push the version of the other user out of every label.
        cloud.rotate_successfully(&app.arn).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        for note in ["one", "two"] {
            let mut value = value.clone();
            value["note"] = json!(note);
            super::store(cloud, &app.arn, &value.to_string()).await?;
        }
        unmark(cloud, &app.user).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(user(&seen, &app.user).is_some_and(|user| user["owner"] == "thisSecret"), "{seen:#}");
        ensure!(kinds(&seen).is_empty(), "{seen:#}");

        let stranger = cloud.create_app(&name("stranger")).await?;
        let clone_of_stranger = format!("{}_clone", stranger.user);
        let management = cloud.broker.management()?;
        management.create_user(&clone_of_stranger, &random_text(32)?, &[]).await?;
        let seen = inspect(cloud, &stranger.arn).await?;
        ensure!(said(&seen, "pair.taken")?.contains(&clone_of_stranger), "{seen:#}");
        ensure!(user(&seen, &clone_of_stranger).is_some_and(|user| user["owner"] == "nobody"), "{seen:#}");
        Ok(())
    })
}

#[test]
fn a_missing_user_is_told_as_missing_and_not_as_a_wrong_password() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("missing")).await?;
        cloud.broker.management()?.delete_user(&app.user).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["current.user_missing"], "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("refused"), "{seen:#}");
        ensure!(user(&seen, &app.user).is_some_and(|user| user["exists"] == false), "{seen:#}");
        Ok(())
    })
}

#[test]
fn grants_that_have_drifted_are_told_with_what_set_secret_would_change() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("drifted")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let management = cloud.broker.management()?;
        let vhost = name("drifted-vhost");
        management.create_vhost(&vhost).await?;
        management.set_permissions(&app.user, &vhost, [".*", ".*", ".*"]).await?;
        management.set_limit(&format!("{}_clone", app.user), "max-connections", 50).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["grants.differ"], "{seen:#}");
        let expected = json!([
            format!("for `{}`: remove permission on vhost `{vhost}`", app.user),
            format!("for `{}`: set limit `max-connections` to 50", app.user),
        ]);
        ensure!(seen["differences"] == expected, "{seen:#}");
        // The rotation makes exactly these changes.
        cloud.rotate_successfully(&app.arn).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen).is_empty() && seen["differences"] == json!([]), "{seen:#}");
        Ok(())
    })
}

#[test]
fn a_receipt_that_does_not_follow_is_told() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("no-receipt")).await?;
        let version = cloud.rotate_successfully(&app.arn).await?;
        let other = "00000000-0000-4000-8000-000000000000";
        // The cluster tag names another cluster, so that nobody delivers it here.
        let route = [
            ("secret2eks/cluster", "elsewhere"),
            ("secret2eks/namespace", "shop"),
            ("secret2eks/delivered", other),
        ];
        cloud.set_tags(&app.arn, &route).await?;
        let seen = inspect(cloud, &app.arn).await?;
        let expected = json!({"namespace": "shop", "delivered": other, "current": false});
        ensure!(seen["delivery"] == expected && kinds(&seen).is_empty(), "it may still arrive: {seen:#}");
        let (_proxy, _variant, function) = after_years(cloud).await?;
        let seen = inspect_with(cloud, &function, &app.arn).await?;
        ensure!(said(&seen, "delivery.undelivered")?.contains(other), "{seen:#}");
        cloud.set_tags(&app.arn, &[("secret2eks/delivered", &version)]).await?;
        let seen = inspect_with(cloud, &function, &app.arn).await?;
        ensure!(seen["delivery"]["current"] == true && kinds(&seen).is_empty(), "{seen:#}");
        Ok(())
    })
}

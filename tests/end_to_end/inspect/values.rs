//! Broken values. What can be seen without them is still seen.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use super::{inspect, kinds, login_of, said, store};

#[test]
fn a_broken_value_is_told_by_its_field_and_does_not_hide_the_version_before() -> Result<()> {
    on_the_cloud(async |cloud| {
        for (case, change, field) in [
            ("number", json!({"password": 12}), "`password`"),
            ("nobody", json!({"username": null}), "`username`"),
            ("strategy", json!({"rotationStrategy": "both"}), "`rotationStrategy`"),
        ] {
            let app = cloud.create_app(&name(case)).await?;
            let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
            for (field, new) in change.as_object().into_iter().flatten() {
                value[field] = new.clone();
            }
            store(cloud, &app.arn, &value.to_string()).await?;
            let seen = inspect(cloud, &app.arn).await?;
            ensure!(kinds(&seen) == ["secret.invalid"], "{case}: {seen:#}");
            ensure!(said(&seen, "secret.invalid")?.contains(field), "{case}: {seen:#}");
            ensure!(login_of(&seen, "AWSCURRENT") == Some("unknown"), "{case}: {seen:#}");
            ensure!(login_of(&seen, "AWSPREVIOUS") == Some("accepted"), "{case}: {seen:#}");
            ensure!(seen["broker"]["state"] == "RUNNING" && seen["strategy"].is_null(), "{case}: {seen:#}");
        }
        Ok(())
    })
}

#[test]
fn a_value_that_a_rotation_would_refuse_is_told_although_it_logs_in() -> Result<()> {
    on_the_cloud(async |cloud| {
        let near_miss = cloud.create_app_with(&name("near-miss"), &json!({"UserName": "x"})).await?;
        let copy = cloud.create_app(&name("copy")).await?;
        let mut value = cloud.value(&copy.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().context("no password")?.to_owned();
        value["note"] = json!(format!("the password is {password}, keep it"));
        store(cloud, &copy.arn, &value.to_string()).await?;
        for (app, key) in [(&near_miss, "`UserName`"), (&copy, "`note`")] {
            let seen = inspect(cloud, &app.arn).await?;
            ensure!(kinds(&seen) == ["secret.invalid"], "{seen:#}");
            ensure!(said(&seen, "secret.invalid")?.contains(key), "{seen:#}");
            ensure!(login_of(&seen, "AWSCURRENT") == Some("accepted"), "{seen:#}");
            ensure!(!seen.to_string().contains(&password), "a password is in the answer");
        }
        Ok(())
    })
}

#[test]
fn a_secret_without_a_value_is_told_and_one_of_another_engine_is_refused() -> Result<()> {
    on_the_cloud(async |cloud| {
        let empty = cloud.secrets.create_secret().name(format!("rabbitmq/{}", name("empty")));
        let empty = empty.tags(testbed::cloud::tag("rotation-mq", "rotate")).send().await?;
        let seen = inspect(cloud, &empty.arn.context("no ARN")?).await?;
        ensure!(kinds(&seen) == ["secret.not_found"], "{seen:#}");
        let other = cloud.create_app_with(&name("engine"), &json!({"engine": "postgres"})).await?;
        let answer = cloud.look(&json!({"Action": "inspect", "SecretId": other.arn})).await?;
        ensure!(
            answer.kind() == "secret.invalid" && format!("{answer:?}").contains("`engine`"),
            "{answer:?}"
        );
        Ok(())
    })
}

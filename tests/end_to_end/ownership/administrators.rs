//! Credentials of administrators stay in admin secrets.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use crate::support::{failed_once, state_of};

#[test]
fn an_ordinary_secret_never_makes_a_second_administrator() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("too-mighty")).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().unwrap_or_default();
        cloud.broker.management()?.create_user(&app.user, password, &["administrator"]).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "admin.outside_prefix", "rabbitmq-admin/").await?;
        ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "it wrote to the broker");
        Ok(())
    })
}

#[test]
fn an_admin_secret_is_known_by_its_name_and_not_by_what_a_value_says() -> Result<()> {
    on_the_cloud(async |cloud| {
        // Somebody's own secret with the credentials of an administrator. The function may read it.
        let value = json!({
            "engine": "rabbitmq", "brokerId": cloud.broker_id,
            "username": cloud.broker.admin_user(), "password": cloud.broker.admin_password(),
        });
        let fake =
            cloud.create_secret(&format!("rabbitmq/{}", name("fake-admin")), &value.to_string()).await?;
        let app = cloud.create_app_with(&name("led-astray"), &json!({"masterarn": fake})).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        cloud.step(&app.arn, &version, "createSecret").await?.value()?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        let answer = cloud.step(&app.arn, &version, "setSecret").await?;
        failed_once(cloud, &app.arn, &answer, "admin.outside_prefix", "masterarn").await?;
        ensure!(state_of(cloud, &app.user, &app.arn).await? == before, "it wrote to the broker");
        Ok(())
    })
}

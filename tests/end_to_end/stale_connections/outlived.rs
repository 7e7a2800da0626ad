//! Sessions that outlive rotations.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::Value;
use testbed::cloud::Cloud;
use testbed::lapin::Connection;

use crate::support::statistics_know;

async fn connect(cloud: &Cloud, value: &Value) -> Result<Connection> {
    let text = |field: &str| value[field].as_str().with_context(|| format!("no {field}"));
    cloud.broker.amqps_login(text("username")?, text("password")?, "/").await
}

#[test]
fn a_session_that_outlives_two_passwords_of_its_user_is_one_warning_of_that_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("outlived")).await?;
        let thief = connect(cloud, &cloud.value(&app.arn, "AWSCURRENT").await?).await?;
        let management = cloud.broker.management()?;
        let theirs = management.connections_of(&app.user).await?;
        statistics_know(cloud, &app.user).await?;
        cloud.rotate_successfully(&app.arn).await?;
        cloud.rotate_successfully(&app.arn).await?;
        ensure!(cloud.notices.about(&app.arn).await?.is_empty(), "it has outlived one password only");
        let service = connect(cloud, &cloud.value(&app.arn, "AWSCURRENT").await?).await?;
        let mut own = management.connections_of(&app.user).await?;
        own.retain(|name| !theirs.contains(name));
        statistics_know(cloud, &app.user).await?;
        cloud.rotate_successfully(&app.arn).await?;
        // A connection that was closed when the current password was set may still be in the list, so nothing is
        // reported before.
        tokio::time::sleep(std::time::Duration::from_secs(36)).await;
        cloud.rotate_successfully(&app.arn).await?;
        let notices = cloud.notices.wait_for(&app.arn, 1).await?;
        ensure!(notices.len() == 1, "{notices:?}");
        let notice = notices.first().cloned().unwrap_or_default();
        testbed::schema::valid("failure-notice", &notice)?;
        ensure!(notice["kind"] == "connections.outlived" && notice["step"] == "setSecret", "{notice}");
        let message = notice["message"].as_str().unwrap_or_default();
        ensure!(theirs.iter().all(|name| message.contains(name)), "{message}: {theirs:?}");
        ensure!(own.iter().all(|name| !message.contains(name)), "{message}: {own:?}");
        ensure!(thief.status().connected() && service.status().connected(), "a report closes nothing");
        Ok(())
    })
}

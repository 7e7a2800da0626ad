//! A limit on connections that somebody holds.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;

use crate::support::{converged, failed_once};

#[test]
fn a_thief_who_holds_all_connections_of_the_pending_user_does_not_block_its_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("held")).await?;
        let old = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = old["password"].as_str().context("no password")?;
        // Two: a login of the function's own may still be counted when it logs in once more.
        let mut thieves = Vec::new();
        for _ in 0..2 {
            thieves.push(cloud.broker.amqps_login(&app.user, password, "/").await?);
        }
        cloud.rotate_successfully(&app.arn).await?;
        let management = cloud.broker.management()?;
        for user in [app.user.clone(), format!("{}_clone", app.user)] {
            management.set_limit(&user, "max-connections", 2).await?;
        }
        let version = cloud.rotate_successfully(&app.arn).await?;
        ensure!(thieves.iter().all(|thief| !thief.status().connected()), "a thief is still connected");
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn a_limit_of_the_vhost_that_others_hold_is_told_and_nobody_is_closed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (vhost, other, password) = (name("full"), name("other"), "a-password-of-somebody-else");
        let management = cloud.broker.management()?;
        management.create_vhost(&vhost).await?;
        let app = cloud.create_app_with(&name("crowded"), &json!({"vhost": vhost})).await?;
        management.create_user(&other, password, &[]).await?;
        for user in [&other, &app.user] {
            management.set_permissions(user, &vhost, ["", "", ""]).await?;
        }
        let connection = cloud.broker.amqps_login(&other, password, &vhost).await?;
        management.set_vhost_limit(&vhost, "max-connections", 1).await?;
        let version = cloud.begin_rotation(&app.arn).await?;
        for step in ["createSecret", "setSecret"] {
            cloud.step(&app.arn, &version, step).await?.value()?;
        }
        let answer = cloud.step(&app.arn, &version, "testSecret").await?;
        failed_once(cloud, &app.arn, &answer, "login.limit_reached", "_clone").await?;
        ensure!(connection.status().connected(), "somebody else's connection was closed");
        Ok(())
    })
}

//! A limit on connections that other clients have reached.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::lapin::Connection;

use crate::support::{converged, current_logs_in, failed_once, hold_all_connections};

fn is_open(connection: &Connection) -> bool {
    connection.status().connected()
}

#[test]
fn a_thief_who_holds_all_connections_of_the_pending_user_does_not_block_its_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("held")).await?;
        let old = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = old["password"].as_str().context("no password")?;
        // Two connections, because an earlier login of the function may still be counted when it logs in again.
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
        ensure!(!thieves.iter().any(is_open), "a thief is still connected");
        converged(cloud, &app.user, &app.arn, &version).await
    })
}

#[test]
fn an_application_that_holds_all_connections_of_its_user_fails_neither_a_test_nor_a_repeated_finish()
-> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("busy")).await?;
        let management = cloud.broker.management()?;
        management.set_limit(&app.user, "max-connections", 2).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().context("no password")?;
        let held = hold_all_connections(cloud, &app.user, password, 2).await?;
        let test = cloud.test_rotation(&app.arn).await?;
        ensure!(test.outcome == "succeeded", "{test:#?}");
        let version = cloud.rotate_successfully(&app.arn).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let (user, password) = (value["username"].as_str(), value["password"].as_str());
        let (user, password) = (user.context("no user")?, password.context("no password")?);
        let held_after = hold_all_connections(cloud, user, password, 2).await?;
        cloud.step(&app.arn, &version, "finishSecret").await?.value()?;
        ensure!(held.iter().chain(&held_after).all(is_open), "a connection of the application was closed");
        Ok(())
    })
}

#[test]
fn a_single_user_whose_application_holds_all_its_connections_is_rotated_and_nobody_is_closed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app_with(&name("one"), &json!({"rotationStrategy": "single"})).await?;
        cloud.broker.management()?.set_limit(&app.user, "max-connections", 2).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().context("no password")?;
        let held = hold_all_connections(cloud, &app.user, password, 2).await?;
        cloud.rotate_successfully(&app.arn).await?;
        ensure!(held.iter().all(is_open), "a connection of the application was closed");
        drop(held);
        ensure!(!cloud.logs_in(&value).await?, "the old password still logs in");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_limit_of_the_vhost_that_others_reach_is_reported_and_no_connection_is_closed() -> Result<()> {
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
        ensure!(is_open(&connection), "somebody else's connection was closed");
        Ok(())
    })
}

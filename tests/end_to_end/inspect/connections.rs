//! Who is connected, and how close that is to a limit.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};
use testbed::lapin::Connection;

use super::{after_years, inspect, inspect_with, kinds, login_of, said};
use crate::kubernetes::routed::until;
use crate::support::{hold_all_connections, statistics_know};

/// Connects as AWSCURRENT's user.
async fn connect(cloud: &Cloud, app: &App, vhost: &str) -> Result<Connection> {
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let text = |field: &str| value[field].as_str().with_context(|| format!("no {field}"));
    cloud.broker.amqps_login(text("username")?, text("password")?, vhost).await
}

#[test]
fn a_client_that_still_uses_the_other_user_is_named_with_its_address_and_since_when() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("forgotten")).await?;
        let _forgotten = connect(cloud, &app, "/").await?;
        cloud.rotate_successfully(&app.arn).await?;
        let _moved = connect(cloud, &app, "/").await?;
        statistics_know(cloud, &app.user).await?;
        let listed = cloud.broker.management()?.connections_of(&app.user).await?;
        let peer = listed.first().and_then(|name| name.split(" -> ").next()).context("not listed")?;

        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen).is_empty(), "clients still move after a rotation: {seen:#}");
        let connections = seen["connections"].as_array().context("no connections")?;
        ensure!(seen["connectionsTotal"] == 2 && connections.len() == 2, "{seen:#}");
        let stale: Vec<&Value> = connections.iter().filter(|one| one["stale"] == true).collect();
        ensure!(stale.len() == 1 && stale[0]["peer"] == peer, "{connections:?}");
        ensure!(stale[0]["user"] == app.user.as_str() && stale[0]["vhost"] == "/", "{connections:?}");
        ensure!(stale[0]["since"].is_string(), "{connections:?}");

        let (_proxy, _variant, function) = after_years(cloud).await?;
        let seen = inspect_with(cloud, &function, &app.arn).await?;
        ensure!(kinds(&seen) == ["connections.stale"], "{seen:#}");
        let message = said(&seen, "connections.stale")?;
        ensure!(message.contains(peer) && message.contains("(1 in total)"), "{message}");
        Ok(())
    })
}

#[test]
fn hundreds_of_connections_are_counted_and_a_hundred_are_listed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("crowd")).await?;
        let mut crowd = Vec::new();
        for _ in 0..210 {
            crowd.push(connect(cloud, &app, "/").await?);
        }
        cloud.rotate_successfully(&app.arn).await?;
        let (_proxy, _variant, function) = after_years(cloud).await?;
        let seen = inspect_with(cloud, &function, &app.arn).await?;
        // The broker counts the closed connections of login tests for some seconds, and the time of a new one comes later.
        let total = seen["connectionsTotal"].as_u64().context("not counted")?;
        ensure!((210..=216).contains(&total), "{total}");
        ensure!(seen["connections"].as_array().is_some_and(|all| all.len() == 100), "{seen:#}");
        let message = said(&seen, "connections.stale")?;
        ensure!(message.contains(" more (") && message.contains(" in total)"), "{message}");
        ensure!(crowd.iter().all(|one| one.status().connected()), "an inspection closed a connection");
        Ok(())
    })
}

#[test]
fn a_limit_that_is_nearly_reached_is_told_and_the_login_still_counts_as_accepted() -> Result<()> {
    on_the_cloud(async |cloud| {
        let management = cloud.broker.management()?;
        let app = cloud.create_app(&name("near")).await?;
        management.set_limit(&app.user, "max-connections", 2).await?;
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().context("no password")?;
        let _held = hold_all_connections(cloud, &app.user, password, 2).await?;
        let seen = inspect(cloud, &app.arn).await?;
        ensure!(kinds(&seen) == ["login.limit_near"], "{seen:#}");
        ensure!(said(&seen, "login.limit_near")?.contains(&app.user), "{seen:#}");
        ensure!(login_of(&seen, "AWSCURRENT") == Some("accepted"), "{seen:#}");
        ensure!(seen["users"][0]["connectionLimit"] == 2, "{seen:#}");

        let vhost = name("narrow");
        management.create_vhost(&vhost).await?;
        let app = cloud.create_app_with(&name("narrowed"), &json!({"vhost": vhost})).await?;
        management.set_permissions(&app.user, &vhost, ["", "", ""]).await?;
        management.set_vhost_limit(&vhost, "max-connections", 10).await?;
        let mut held = Vec::new();
        for _ in 0..9 {
            held.push(connect(cloud, &app, &vhost).await?);
        }
        // The number of connections in a vhost comes from the broker's statistics.
        until("the vhost is nearly full", async || {
            let seen = inspect(cloud, &app.arn).await?;
            Ok(kinds(&seen) == ["login.limit_near"] && said(&seen, "login.limit_near")?.contains(&vhost))
        })
        .await
    })
}

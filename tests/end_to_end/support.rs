//! Checks that several tests share.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::name;
use serde_json::{Value, json};
use testbed::broker::Broker;
use testbed::cloud::{Answer, App, Cloud, random_text};
use testbed::lapin::Connection;

use crate::kubernetes::routed::until;

/// A version ID that no secret has.
pub const UNKNOWN_VERSION: &str = "00000000-0000-4000-8000-000000000000";

/// Checks that the step failed with `kind` and `words`, and published exactly one notice with the same content.
pub async fn failed_once(
    cloud: &Cloud,
    arn: &str,
    answer: &Answer,
    kind: &str,
    words: &str,
) -> Result<Value> {
    let Answer::Failed { kind: found, message } = answer else {
        anyhow::bail!("it should have failed with {kind}, but: {answer:?}");
    };
    ensure!(found == kind, "it should have failed with {kind}, but: {answer:?}");
    ensure!(message.contains(words), "the message should contain `{words}`: {message}");
    let notices = cloud.notices.wait_for(arn, 1).await?;
    ensure!(notices.len() == 1, "one notice was expected: {notices:?}");
    let notice = notices.into_iter().next().context("no notice")?;
    ensure!(notice["kind"] == kind, "{notice}");
    testbed::schema::valid("failure-notice", &notice)?;
    Ok(notice)
}

/// The state that a refused step must not change: the broker users of a pair, and the stages of a secret.
pub async fn state_of(
    cloud: &Cloud,
    user: &str,
    arn: &str,
) -> Result<(Option<Value>, Option<Value>, String)> {
    let management = cloud.broker.management()?;
    let stages = cloud.secrets.describe_secret().secret_id(arn).send().await?.version_ids_to_stages;
    let stages: std::collections::BTreeMap<_, _> = stages.unwrap_or_default().into_iter().collect();
    let (first, second) = tokio::try_join!(async { management.user(user).await }, async {
        management.user(&format!("{user}_clone")).await
    },)?;
    Ok((first, second, format!("{stages:?}")))
}

/// The tag of a broker user that marks its secret.
pub async fn mark_of(cloud: &Cloud, user: &str) -> Result<String> {
    let account = cloud.broker.management()?.user(user).await?.with_context(|| format!("no user {user}"))?;
    let mut tags = account["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mark = tags.find(|tag| tag.starts_with("secret-"));
    mark.map(str::to_owned).with_context(|| format!("`{user}` has no mark: {account}"))
}

/// Creates an admin secret with a name. It is rotated and is its own admin.
pub async fn own_admin(cloud: &Cloud, prefix: &str) -> Result<App> {
    let (user, password) = (name(prefix), random_text(32)?);
    let management = cloud.broker.management()?;
    management.create_user(&user, &password, &["administrator"]).await?;
    management.set_permissions(&user, "/", [".*", ".*", ".*"]).await?;
    let mut value = json!({
        "engine": "rabbitmq", "brokerId": cloud.broker_id, "username": user, "password": password,
    });
    let arn = cloud.create_secret(&format!("rabbitmq-admin/{user}"), &value.to_string()).await?;
    value["masterarn"] = json!(arn);
    cloud.secrets.put_secret_value().secret_id(&arn).secret_string(value.to_string()).send().await?;
    Ok(App { user, arn })
}

/// Checks that AWSCURRENT logs in over AMQPS. If the user has a limit on connections, a login of the functions may
/// count for a moment.
pub async fn current_logs_in(cloud: &Cloud, arn: &str) -> Result<()> {
    let value = cloud.value(arn, "AWSCURRENT").await?;
    until("a free connection for AWSCURRENT", async || {
        let answer = cloud.logs_in(&value).await;
        if answer.as_ref().is_err_and(is_at_the_limit) {
            return Ok(false);
        }
        ensure!(answer?, "AWSCURRENT does not log in");
        Ok(true)
    })
    .await
}

/// Whether the broker refused a login only because the user has reached its limit on connections.
pub fn is_at_the_limit(refused: &anyhow::Error) -> bool {
    format!("{refused:#}").contains("user connection limit")
}

/// Opens connections until a user with `limit` connections has reached the limit.
///
/// The broker counts a connection a moment after it was opened. It counts a connection of the functions until a
/// moment after it was closed.
pub async fn hold_all_connections(
    cloud: &Cloud,
    user: &str,
    password: &str,
    limit: usize,
) -> Result<Vec<Connection>> {
    let mut held = Vec::new();
    until("all connections of the user to be held", async || {
        match cloud.broker.amqps_login(user, password, "/").await {
            Ok(connection) => held.push(connection),
            Err(refused) => {
                ensure!(is_at_the_limit(&refused), "{refused:#}");
                return Ok(held.len() >= limit);
            }
        }
        Ok(false)
    })
    .await?;
    Ok(held)
}

/// Checks that AWSCURRENT logs in, and that both users of the pair have the same permissions.
pub async fn converged(cloud: &Cloud, user: &str, arn: &str, version: &str) -> Result<()> {
    ensure!(cloud.version(arn, "AWSCURRENT").await?.as_deref() == Some(version), "{version} is not current");
    current_logs_in(cloud, arn).await?;
    let management = cloud.broker.management()?;
    let (one, other) = (management.grants(user).await?, management.grants(&format!("{user}_clone")).await?);
    ensure!(one == other, "grants differ: {one} and {other}");
    Ok(())
}

/// Runs the AWS CLI as the account's root. Returns its output.
pub async fn run_cli(cloud: &Cloud, arguments: &[&str]) -> Result<Value> {
    let mut command = cloud.aws.cli();
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// Waits until the broker's statistics contain the start of each connection of the user. Without it, nothing is
/// reported about sessions. Then waits until new versions are younger than these connections, because the emulator
/// dates versions to the second.
pub async fn statistics_know(cloud: &Cloud, user: &str) -> Result<()> {
    let management = cloud.broker.management()?;
    until("the statistics know the connections", async || {
        let times = management.opened_at(user).await?;
        Ok(!times.is_empty() && times.iter().all(Option::is_some))
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

/// An application whose user is on `broker`, a separate node with these endpoints. An administrator of that node
/// manages the user.
pub async fn app_on_node(
    cloud: &Cloud,
    broker: &Broker,
    user: &str,
    amqps_port: u16,
    console: &str,
) -> Result<App> {
    let endpoints =
        json!({"brokerId": null, "host": "localhost", "port": amqps_port, "managementUrl": console});
    let mut admin = endpoints.clone();
    admin["username"] = json!(broker.admin_user());
    admin["password"] = json!(broker.admin_password());
    let mut changes = endpoints;
    changes["masterarn"] = json!(cloud.create_admin(user, &admin).await?);
    let app = cloud.create_app_with(user, &changes).await?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    let management = broker.management()?;
    management.create_user(user, value["password"].as_str().context("no password")?, &[]).await?;
    management.set_permissions(user, "/", [".*"; 3]).await?;
    Ok(app)
}

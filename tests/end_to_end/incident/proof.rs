//! A revocation ends only after the broker has refused the leaked login.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use super::{app_behind, leaked_and_rotated, revoke};
use crate::stale_connections::frozen_client;
use crate::support::{current_logs_in, failed_once};

/// A secret whose first value leaked and whose second value was stored by hand. Returns the first version and both
/// values.
async fn changed_by_hand(
    cloud: &Cloud,
    prefix: &str,
    first: &Value,
    second: impl Fn(&App) -> Value,
) -> Result<(App, String, Value, Value)> {
    let app = cloud.create_app_with(&name(prefix), first).await?;
    let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
    let before = cloud.value(&app.arn, "AWSCURRENT").await?;
    let mut now = before.clone();
    for (field, change) in second(&app).as_object().into_iter().flatten() {
        now[field] = change.clone();
    }
    cloud.secrets.put_secret_value().secret_id(&app.arn).secret_string(now.to_string()).send().await?;
    let text = |field: &str| now[field].as_str().map(str::to_owned).unwrap_or_default();
    if now["username"] != before["username"] {
        let management = cloud.broker.management()?;
        management.create_user(&text("username"), &text("password"), &[]).await?;
        management.set_permissions(&text("username"), "/", ["", "", ""]).await?;
    }
    Ok((app, leaked, before, now))
}

#[test]
fn the_former_user_of_a_secret_that_became_single_is_cut_off() -> Result<()> {
    on_the_cloud(async |cloud| {
        let second = |app: &App| json!({"username": format!("{}_clone", app.user), "password": "the-one-of-the-clone", "rotationStrategy": "single"});
        let (app, leaked, before, _) = changed_by_hand(cloud, "became-single", &json!({}), second).await?;
        cloud.act(&revoke(&app, &leaked)).await?.value()?;
        ensure!(!cloud.logs_in(&before).await?, "the leaked credentials still log in");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn the_user_that_a_secret_has_moved_away_from_is_not_called_cut_off() -> Result<()> {
    on_the_cloud(async |cloud| {
        let second =
            |app: &App| json!({"username": format!("{}-new", app.user), "password": "the-new-one-of-it"});
        let single = json!({"rotationStrategy": "single"});
        let (app, leaked, before, _) = changed_by_hand(cloud, "moved", &single, second).await?;
        let answer = cloud.act(&revoke(&app, &leaked)).await?;
        failed_once(cloud, &app.arn, &answer, "revoke.refused", &app.user).await?;
        ensure!(cloud.logs_in(&before).await?, "the user that may be somebody else's now was locked out");
        Ok(())
    })
}

#[test]
fn a_password_that_awscurrent_still_has_is_not_called_cut_off() -> Result<()> {
    on_the_cloud(async |cloud| {
        let single = json!({"rotationStrategy": "single"});
        let second = |_: &App| json!({"vhost": "another"});
        let (app, leaked, before, _) = changed_by_hand(cloud, "same-password", &single, second).await?;
        let connection =
            cloud.broker.amqps_login(&app.user, before["password"].as_str().unwrap_or_default(), "/").await?;
        let answer = cloud.act(&revoke(&app, &leaked)).await?;
        failed_once(cloud, &app.arn, &answer, "revoke.refused", "same password").await?;
        ensure!(connection.status().connected(), "a refused revocation closed a connection");
        Ok(())
    })
}

/// For this number of calls, the broker accepts the login in `value`, as a user without permission for the management
/// API.
fn keeps_accepting(proxy: &FaultProxy, value: &Value, calls: usize) {
    let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let login = format!("Basic {}", STANDARD.encode(format!("{}:{}", text("username"), text("password"))));
    let body = json!({"error": "not_authorised", "reason": "User not authorised"}).to_string();
    let accepted = Fault::Answer { status: 401, content_type: "application/json".to_owned(), body };
    let is_it =
        move |call: &Call| call.path == "/api/whoami" && call.header("authorization") == Some(login.as_str());
    proxy.inject(Rule::at(1, is_it, accepted).times(calls));
}

async fn leaked_behind_a_cache(
    cloud: &'static Cloud,
    prefix: &str,
    calls: usize,
) -> Result<(FaultProxy, App, String, Value)> {
    let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
    let app = app_behind(cloud, &proxy, prefix).await?;
    let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    cloud.rotate_successfully(&app.arn).await?;
    keeps_accepting(&proxy, &value, calls);
    Ok((proxy, app, leaked, value))
}

#[test]
fn an_authentication_cache_is_waited_for() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (proxy, app, leaked, value) = leaked_behind_a_cache(cloud, "cache", 4).await?;
        let asked = || proxy.calls().iter().filter(|call| call.path == "/api/whoami").count();
        let before = asked();
        cloud.act(&revoke(&app, &leaked)).await?.value()?;
        ensure!(!cloud.logs_in(&value).await?, "the leaked credentials still log in");
        // One login proves the owner of the user. After the change of the password, three logins are accepted and two
        // refused.
        ensure!(asked() - before >= 6, "it did not wait: {} logins", asked() - before);
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_login_that_stays_accepted_is_an_error_and_no_success() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = cloud.deploy_variant(&name("impatient"), &[("TimeoutSeconds", "30")], &[]).await?;
        let (_proxy, app, leaked, _) = leaked_behind_a_cache(cloud, "ldap", usize::MAX).await?;
        let function = variant.stack.output("IncidentFunctionName")?;
        let answer = cloud.invoke_function(function, &revoke(&app, &leaked)).await?;
        ensure!(answer.kind() == "revoke.still_works", "{answer:?}");
        ensure!(format!("{answer:?}").contains("still accepts"), "{answer:?}");
        let notices = variant.notices.wait_for(&app.arn, 1).await?;
        ensure!(notices.iter().all(|notice| notice["kind"] == "revoke.still_works"), "{notices:?}");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_connection_that_stays_listed_after_it_was_closed_is_named() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, value) = leaked_and_rotated(cloud, "frozen", &json!({})).await?;
        let port = cloud.broker.plain_amqp_port();
        let password = value["password"].as_str().unwrap_or_default();
        let _frozen = frozen_client(format!("amqp://{}:{password}@127.0.0.1:{port}/%2f", app.user)).await?;
        let listed = cloud.broker.management()?.connections_of(&app.user).await?;
        let answer = cloud.act(&revoke(&app, &leaked)).await?.value()?;
        ensure!(answer["closedConnections"] == 1, "{answer}");
        ensure!(answer["stillListed"] == json!(listed), "{answer}: {listed:?}");
        Ok(())
    })
}

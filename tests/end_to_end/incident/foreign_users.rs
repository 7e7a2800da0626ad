//! A version may name any user of the broker. Only the secret's own pair is changed.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud};
use testbed::fault_proxy::FaultProxy;

use super::{app_behind, hold_the_write_of_a_user, leaked_and_rotated, revoke};
use crate::support::{current_logs_in, failed_once};

const PASSWORD: &str = "a-password-of-somebody-else";

/// A user of somebody else with a permission, and with a tag if one is given.
async fn somebody(cloud: &Cloud, user: &str, tags: &[&str]) -> Result<Value> {
    let management = cloud.broker.management()?;
    management.create_user(user, PASSWORD, tags).await?;
    management.set_permissions(user, "/", ["", "", ""]).await?;
    Ok(json!({"username": user, "password": PASSWORD}))
}

/// Stores the value of AWSCURRENT with changes and another staging label, as anyone with write permission can.
/// Returns the version.
async fn store(cloud: &Cloud, app: &App, stage: &str, changes: &Value) -> Result<String> {
    let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
    for (field, change) in changes.as_object().into_iter().flatten() {
        value[field] = change.clone();
    }
    let put = cloud.secrets.put_secret_value().secret_id(&app.arn).version_stages(stage);
    put.secret_string(value.to_string()).send().await?.version_id.context("no version")
}

/// The forced revocation is refused with this message, and the user is not changed.
async fn refused(cloud: &Cloud, app: &App, version: &str, user: &str, words: &str) -> Result<()> {
    let management = cloud.broker.management()?;
    let before = management.user(user).await?;
    let mut event = revoke(app, version);
    event["force"] = json!(true);
    let answer = cloud.act(&event).await?;
    failed_once(cloud, &app.arn, &answer, "revoke.refused", words).await?;
    ensure!(management.user(user).await? == before, "`{user}` was changed");
    Ok(())
}

#[test]
fn a_version_that_names_somebody_else_s_user_revokes_nobody_and_closes_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("mine")).await?;
        let billing = name("billing");
        let value = somebody(cloud, &billing, &[]).await?;
        let connection = cloud.broker.amqps_login(&billing, PASSWORD, "/").await?;
        for password in ["x", PASSWORD] {
            let changes = json!({"username": billing, "password": password});
            let evil = store(cloud, &app, "evil", &changes).await?;
            let answer = cloud.act(&revoke(&app, &evil)).await?;
            ensure!(answer.kind() == "revoke.refused", "{answer:?}");
            ensure!(format!("{answer:?}").contains("not of this secret's pair"), "{answer:?}");
        }
        ensure!(cloud.logs_in(&value).await?, "another application was locked out");
        ensure!(connection.status().connected(), "another application's connection was closed");
        Ok(())
    })
}

#[test]
fn a_user_of_the_pair_that_is_not_known_to_be_this_secret_s_is_not_revoked() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("unproved")).await?;
        let clone = format!("{}_clone", app.user);
        let value = somebody(cloud, &clone, &["monitoring"]).await?;
        let evil = store(cloud, &app, "evil", &json!({"username": clone, "password": "guessed"})).await?;
        refused(cloud, &app, &evil, &clone, "refuses its login already").await?;
        ensure!(cloud.logs_in(&value).await?, "another application was locked out");
        Ok(())
    })
}

#[test]
fn a_user_with_another_secret_s_mark_is_not_revoked_although_the_leaked_login_works() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("marked")).await?;
        let clone = format!("{}_clone", app.user);
        let value = somebody(cloud, &clone, &["secret-0123456789abcdef"]).await?;
        let copied = store(cloud, &app, "copied", &value).await?;
        refused(cloud, &app, &copied, &clone, "belongs to another secret").await?;
        ensure!(cloud.logs_in(&value).await?, "another application was locked out");
        Ok(())
    })
}

#[test]
fn a_revocation_leaves_this_secret_s_mark_on_the_user() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (app, leaked, _) = leaked_and_rotated(cloud, "leaves-mark", &json!({})).await?;
        cloud.act(&revoke(&app, &leaked)).await?.value()?;
        let management = cloud.broker.management()?;
        let mark = |user: Option<Value>| -> Option<String> {
            let tags = user?["tags"].to_string();
            tags.find("secret-").and_then(|at| tags.get(at..at + "secret-".len() + 16)).map(str::to_owned)
        };
        let revoked = mark(management.user(&app.user).await?);
        let rotated = mark(management.user(&format!("{}_clone", app.user)).await?);
        ensure!(revoked.is_some() && revoked == rotated, "{revoked:?} and {rotated:?}");
        Ok(())
    })
}

/// Revokes the first version of a pair whose users have these tags. Between the new random password and the last
/// check, somebody stores AWSPENDING with `changes`. Returns the answer, the pair and the stored password.
async fn stored_meanwhile(
    cloud: &'static Cloud,
    prefix: &str,
    tags: &[&str],
    changes: Value,
) -> Result<(testbed::cloud::Answer, Value)> {
    let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
    let app = app_behind(cloud, &proxy, prefix).await?;
    let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
    let value = cloud.value(&app.arn, "AWSCURRENT").await?;
    cloud.rotate_successfully(&app.arn).await?;
    let password = value["password"].as_str().unwrap_or_default();
    cloud.broker.management()?.create_user(&app.user, password, tags).await?;
    let (wait, resume) = hold_the_write_of_a_user(&proxy);
    let event = revoke(&app, &leaked);
    let revocation = tokio::spawn(async move { cloud.act(&event).await });
    tokio::task::spawn_blocking(move || wait.recv()).await??;
    let mut own = json!({"username": app.user, "password": "MyOwnPassword123456"});
    for (field, change) in changes.as_object().into_iter().flatten() {
        own[field] = change.clone();
    }
    store(cloud, &app, "AWSPENDING", &own).await?;
    resume.send(())?;
    let answer = revocation.await??;
    current_logs_in(cloud, &app.arn).await?;
    Ok((answer, own))
}

#[test]
fn a_password_stored_during_a_revocation_is_never_given_to_an_administrator() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (answer, own) = stored_meanwhile(cloud, "race-admin", &["administrator"], json!({})).await?;
        ensure!(answer.kind() == "revoke.raced", "{answer:?}");
        ensure!(format!("{answer:?}").contains("not restored"), "{answer:?}");
        ensure!(!cloud.logs_in(&own).await?, "an administrator got a password that somebody stored");
        Ok(())
    })
}

#[test]
fn a_value_that_no_rotation_would_store_during_a_revocation_is_not_set() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (answer, own) = stored_meanwhile(cloud, "race-value", &[], json!({"vhost": "another"})).await?;
        ensure!(answer.kind() == "revoke.raced", "{answer:?}");
        ensure!(format!("{answer:?}").contains("not restored"), "{answer:?}");
        ensure!(!cloud.logs_in(&own).await?, "a user got a password that somebody stored");
        Ok(())
    })
}

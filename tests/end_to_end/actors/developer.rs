//! A developer who may store values of one secret. The user in a value is only a claim and does not prove that the
//! user belongs to this secret.
//!
//! The tag `rotation-mq/user` defines the pair. `infra/secret.yaml` sets it. Without it, the first rotation does.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{App, Cloud, random_text};
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};

use super::actor::{Actor, allow};
use super::secops;
use crate::support::{current_logs_in, state_of};

const CURRENT: &[&str] = &["AWSCURRENT"];

/// The permission to write the secret, but not to read it.
async fn developer<'a>(cloud: &'a Cloud, arn: &str) -> Result<Actor<'a>> {
    let writes = [
        "secretsmanager:DescribeSecret",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ];
    Actor::with(cloud, "developer", &[allow(&writes, &[arn])]).await
}

/// A secret that has rotated, so that its pair is known, and its developer.
async fn rotated(cloud: &Cloud) -> Result<(App, Actor<'_>)> {
    let app = cloud.create_app(&name("mine")).await?;
    cloud.rotate_successfully(&app.arn).await?;
    let developer = developer(cloud, &app.arn).await?;
    Ok((app, developer))
}

/// The value of the secret with the user of another secret.
async fn naming(cloud: &Cloud, arn: &str, user: &str, password: &str) -> Result<Value> {
    let mut value = cloud.value(arn, "AWSCURRENT").await?;
    (value["username"], value["password"]) = (json!(user), json!(password));
    Ok(value)
}

/// Checks that the next rotation of the secret is refused as `pair.taken`.
async fn refused(cloud: &Cloud, arn: &str) -> Result<()> {
    let rotation = cloud.rotate(arn).await?;
    let steps = rotation.attempts.iter().flat_map(|attempt| &attempt.steps);
    let kinds: Vec<_> = steps.filter_map(|step| step.error_type.as_deref()).collect();
    ensure!(kinds.last() == Some(&"pair.taken"), "{rotation:?}");
    Ok(())
}

#[test]
fn a_value_that_names_another_user_makes_no_second_user_with_that_ones_grants() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (ops, password) = (name("ops"), random_text(32)?);
        let management = cloud.broker.management()?;
        management.create_user(&ops, &password, &["administrator"]).await?;
        management.set_permissions(&ops, "/", [".*", ".*", ".*"]).await?;
        let (app, developer) = rotated(cloud).await?;
        let value = naming(cloud, &app.arn, &ops, &password).await?.to_string();
        // Twice, so that AWSPREVIOUS names the same user.
        for _ in 0..2 {
            developer.put(&app.arn, &value, CURRENT).await?.allowed("a value")?;
            refused(cloud, &app.arn).await?;
        }
        ensure!(management.user(&format!("{ops}_clone")).await?.is_none(), "`{ops}` has a second user");
        Ok(())
    })
}

#[test]
fn the_tag_of_the_deployment_says_whose_pair_it_is_before_the_first_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let (ops, password) = (name("ops"), random_text(32)?);
        let management = cloud.broker.management()?;
        management.create_user(&ops, &password, &["administrator"]).await?;
        management.set_permissions(&ops, "/", [".*", ".*", ".*"]).await?;
        let app = cloud.create_app(&name("mine")).await?;
        cloud.set_tags(&app.arn, &[("rotation-mq/user", &app.user)]).await?;
        let developer = developer(cloud, &app.arn).await?;
        let value = naming(cloud, &app.arn, &ops, &password).await?.to_string();
        for _ in 0..2 {
            developer.put(&app.arn, &value, CURRENT).await?.allowed("a value")?;
        }
        refused(cloud, &app.arn).await?;
        ensure!(management.user(&format!("{ops}_clone")).await?.is_none(), "`{ops}` has a second user");
        Ok(())
    })
}

#[test]
fn a_value_that_names_another_secrets_user_locks_nobody_out() -> Result<()> {
    on_the_cloud(async |cloud| {
        let billing = cloud.create_app(&name("billing")).await?;
        cloud.rotate_successfully(&billing.arn).await?;
        let before = state_of(cloud, &billing.user, &billing.arn).await?;
        // The second user with its real, leaked password, and both users with a guessed password.
        let second = cloud.value(&billing.arn, "AWSCURRENT").await?;
        let known = second["password"].as_str().context("no password")?.to_owned();
        let clone = format!("{}_clone", billing.user);
        let guess = random_text(32)?;
        for (user, password) in [(&clone, &known), (&billing.user, &guess), (&clone, &guess)] {
            let (app, developer) = rotated(cloud).await?;
            let value = naming(cloud, &app.arn, user, password).await?.to_string();
            developer.put(&app.arn, &value, CURRENT).await?.allowed("a value")?;
            refused(cloud, &app.arn).await?;
            ensure!(state_of(cloud, &billing.user, &billing.arn).await? == before, "{user} was changed");
        }
        current_logs_in(cloud, &billing.arn).await
    })
}

#[test]
fn a_version_that_names_somebody_elses_user_revokes_nobody() -> Result<()> {
    on_the_cloud(async |cloud| {
        let billing = cloud.create_app(&name("billing")).await?;
        cloud.rotate_successfully(&billing.arn).await?;
        let before = state_of(cloud, &billing.user, &billing.arn).await?;
        let client = cloud.value(&billing.arn, "AWSCURRENT").await?;
        let clone = format!("{}_clone", billing.user);
        let password = client["password"].as_str().context("no password")?;
        let connection = cloud.broker.amqps_login(&clone, password, "/").await?;
        for user in [&billing.user, &clone] {
            let (app, developer) = rotated(cloud).await?;
            let value = naming(cloud, &app.arn, user, "a guess of mine").await?.to_string();
            let version = developer.put(&app.arn, &value, &["evil"]).await?.allowed("a value")?;
            let event = secops::revoke(&app.arn, &version);
            let answer = cloud.invoke_function(secops::function(cloud)?, &event).await?;
            ensure!(answer.kind() == "revoke.refused", "{answer:?}");
        }
        ensure!(state_of(cloud, &billing.user, &billing.arn).await? == before, "a user was changed");
        ensure!(connection.status().connected(), "a connection was closed");
        Ok(())
    })
}

#[test]
fn a_pending_value_that_comes_during_a_revocation_sets_nobodys_password() -> Result<()> {
    on_the_cloud(async |cloud| {
        // The user of an admin secret's own pair that is not in use.
        let admin = format!("{}_clone", name("admin"));
        let management = cloud.broker.management()?;
        management.create_user(&admin, &random_text(32)?, &["administrator"]).await?;
        let before = management.user(&admin).await?;
        let proxy = FaultProxy::https(&cloud.broker.management_url(), &cloud.certificates)?;
        let app = cloud.create_app_at(&name("mine"), cloud.broker.amqps_port(), proxy.url()).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let developer = developer(cloud, &app.arn).await?;
        let value = naming(cloud, &app.arn, &admin, "MyOwnPassword123").await?.to_string();
        let version = developer.put(&app.arn, &value, &["evil"]).await?.allowed("a value")?;
        let (reached, wait) = std::sync::mpsc::channel();
        let (resume, resumed) = std::sync::mpsc::channel::<()>();
        let resumed = std::sync::Mutex::new(resumed);
        // The first write of the revocation waits until the developer has made the value pending.
        let is_write = |call: &Call| call.method != "GET";
        proxy.inject(Rule::at(1, is_write, Fault::Nothing).hook(move |_| {
            let _ = reached.send(());
            let _ = resumed.lock().map(|resumed| resumed.recv());
        }));
        let (function, event) = (secops::function(cloud)?.to_owned(), secops::revoke(&app.arn, &version));
        let revocation = tokio::spawn(async move { cloud.invoke_function(&function, &event).await });
        let writes =
            tokio::task::spawn_blocking(move || wait.recv_timeout(std::time::Duration::from_secs(15)));
        // A revocation that is refused before its first write does not reach this point.
        let wrote = writes.await?.is_ok();
        if wrote {
            let pending = value.replace("\"engine\"", "\"note\":\"another value\",\"engine\"");
            developer.put(&app.arn, &pending, &["AWSPENDING"]).await?.allowed("a pending value")?;
        }
        resume.send(())?;
        let answer = revocation.await??;
        ensure!(management.user(&admin).await? == before, "{admin} was changed: {answer:?}");
        ensure!(answer.kind() == "revoke.refused" && !wrote, "{answer:?}");
        Ok(())
    })
}

#[test]
fn an_admin_secret_is_one_by_its_name_and_not_because_a_value_says_so() -> Result<()> {
    on_the_cloud(async |cloud| {
        // A tenant's secret with the credentials of a broker administrator, to be used as an admin secret.
        let (ops, password) = (name("ops"), random_text(32)?);
        let management = cloud.broker.management()?;
        management.create_user(&ops, &password, &["administrator"]).await?;
        let mut own = cloud.value(&cloud.admin_secret, "AWSCURRENT").await?;
        (own["username"], own["password"]) = (json!(ops), json!(password));
        let created = cloud.create_secret(&format!("rabbitmq/{ops}"), &own.to_string()).await?;
        let (app, developer) = rotated(cloud).await?;
        let before = state_of(cloud, &app.user, &app.arn).await?;
        let mut value = cloud.value(&app.arn, "AWSCURRENT").await?;
        value["masterarn"] = json!(created);
        developer.put(&app.arn, &value.to_string(), CURRENT).await?.allowed("a value")?;
        let rotation = cloud.rotate(&app.arn).await?;
        ensure!(rotation.outcome == "failed", "{rotation:?}");
        let after = state_of(cloud, &app.user, &app.arn).await?;
        ensure!((after.0, after.1) == (before.0, before.1), "a user was changed");
        Ok(())
    })
}

//! From nothing to a secret that rotates, with one deployment of `infra/secret.yaml`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, STACK};

use super::{LIMIT, PATTERNS, clone_of, deploy, permissions, rotated};
use crate::support::{converged, current_logs_in, mark_of};

#[test]
fn one_deployment_creates_secret_and_user_and_the_first_rotation_follows() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("onboarded");
        let stack = deploy(cloud, &user, &[]).await?;
        let arn = stack.output("SecretArn")?;
        let rotation = cloud.aws.wait_for_rotation(arn, None, LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        converged(cloud, &user, arn, &rotation.version_id).await?;
        for one in [user.clone(), clone_of(&user)] {
            ensure!(permissions(cloud, &one).await? == json!(PATTERNS), "{one}");
        }
        ensure!(mark_of(cloud, &user).await? == mark_of(cloud, &clone_of(&user)).await?, "other marks");
        let id = stack.resource("BrokerUser")?;
        ensure!(id == format!("{}/{user}", cloud.broker_id), "{id}");
        // The password is in no event of the stack. The log contains no URL with which others can answer.
        let password = cloud.value(arn, "AWSPREVIOUS").await?["password"].as_str().map(str::to_owned);
        let events = events_of(cloud, &user).await?;
        ensure!(!events.contains(&password.context("no password")?), "a password is in an event");
        let log = cloud.aws.function_log(&format!("{STACK}-broker-user"))?.join("\n");
        ensure!(log.contains(&user), "the log does not name the user:\n{log}");
        ensure!(!log.contains("Signature="), "the log contains a ResponseURL");
        Ok(())
    })
}

async fn events_of(cloud: &Cloud, stack: &str) -> Result<String> {
    let ask = ["cloudformation", "describe-stack-events", "--stack-name", stack, "--output", "json"];
    let events = crate::support::run_cli(cloud, &ask).await?;
    ensure!(events["StackEvents"].as_array().is_some_and(|events| events.len() > 3), "{events}");
    Ok(events.to_string())
}

#[test]
fn an_update_gives_a_permission_to_both_users_and_changes_no_password() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("updated");
        let arn = rotated(cloud, &user).await?;
        let before = passwords(cloud, &user).await?;
        let write = "^(orders|refunds)$";
        deploy(cloud, &user, &[("Write", write)]).await?;
        for one in [user.clone(), clone_of(&user)] {
            let found = permissions(cloud, &one).await?;
            ensure!(found == json!([PATTERNS[0], write, PATTERNS[2]]), "{one}: {found}");
        }
        ensure!(passwords(cloud, &user).await? == before, "a password was changed");
        current_logs_in(cloud, &arn).await?;
        // The next rotations keep it.
        for _ in 0..2 {
            let version = cloud.rotate_successfully(&arn).await?;
            converged(cloud, &user, &arn, &version).await?;
        }
        ensure!(permissions(cloud, &user).await?[1] == write, "a rotation took the permission away");
        Ok(())
    })
}

/// What the broker stores of the passwords of a pair.
async fn passwords(cloud: &Cloud, user: &str) -> Result<Vec<Value>> {
    let management = cloud.broker.management()?;
    let mut hashes = Vec::new();
    for one in [user.to_owned(), clone_of(user)] {
        let account = management.user(&one).await?.with_context(|| format!("no user {one}"))?;
        hashes.push(account["password_hash"].clone());
    }
    Ok(hashes)
}

#[test]
fn an_update_waits_for_the_end_of_a_rotation() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("waiting");
        let arn = rotated(cloud, &user).await?;
        let version = cloud.begin_rotation(&arn).await?;
        let read = "^(payment|refund)";
        let changes = [("Read", read)];
        let (updated, stepped) = tokio::join!(deploy(cloud, &user, &changes), async {
            // The deployment has begun by then.
            tokio::time::sleep(Duration::from_secs(3)).await;
            cloud.steps(&arn, &version).await
        });
        stepped?;
        updated?;
        for one in [user.clone(), clone_of(&user)] {
            ensure!(permissions(cloud, &one).await?[2] == read, "{one}");
        }
        converged(cloud, &user, &arn, &version).await
    })
}

#[test]
fn a_stack_that_is_deleted_keeps_the_secret_and_the_users_and_they_still_rotate() -> Result<()> {
    on_the_cloud(async |cloud| {
        let user = name("retained");
        let arn = rotated(cloud, &user).await?;
        cloud.aws.delete_stack(&user).await?;
        current_logs_in(cloud, &arn).await?;
        let version = cloud.rotate_successfully(&arn).await?;
        converged(cloud, &user, &arn, &version).await
    })
}

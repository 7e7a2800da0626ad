//! `secops doctor`: a sound set-up has nothing broken, and each of more than twenty broken set-ups is named rightly.

mod cluster;
mod parts;
mod secrets;
mod seen;
mod setup;

use anyhow::{Context as _, Result, ensure};
use end_to_end::on_the_cluster;
use serde_json::Value;

use self::setup::SetUp;
use crate::actors::actor::{Actor, allow};
use crate::kubernetes::routed::until;

/// The tests of the doctor share one stack and the one trail of the account, so they are one test.
#[test]
fn a_sound_set_up_has_nothing_broken_and_each_broken_one_is_named_rightly() -> Result<()> {
    on_the_cluster(async |cloud| {
        let setup = SetUp::make(cloud).await?;
        is_sound(&setup).await.context("before")?;
        parts::each_broken_part_of_the_stack_is_named(&setup).await.context("parts")?;
        secrets::each_broken_secret_is_named(&setup).await.context("secrets")?;
        cluster::each_broken_part_of_the_cluster_is_named(&setup).await.context("cluster")?;
        what_the_caller_may_not_see_is_unknown(&setup).await.context("permissions")?;
        one_secret_and_no_time(&setup).await.context("bounds")?;
        is_sound(&setup).await.context("after all repairs")?;
        secrets::parameters_that_contradict_each_other_are_named(&setup).await.context("parameters")
    })
}

async fn is_sound(setup: &SetUp) -> Result<()> {
    // A queue may still have a message, and an invocation may still run.
    until("the set-up is sound", async || {
        let seen = setup.doctor(&[]).await?;
        let is_sound = seen.code == Some(0) && seen.broken().is_empty();
        ensure!(is_sound || seen.broken_checks().iter().all(|check| check == "queues.waiting"), "{seen}");
        Ok(is_sound)
    })
    .await?;
    let seen = setup.doctor(&[]).await?;
    for (check, state) in [
        ("caller.identity", "warning"),
        ("caller.permissions", "ok"),
        ("stack.version", "ok"),
        ("functions.invocable", "ok"),
        ("alerts.subscribed", "ok"),
        ("trail.logging", "ok"),
        ("keys.secrets", "ok"),
        ("routes.reached", "ok"),
        ("secret.tags", "ok"),
        ("admin.secret", "ok"),
        ("cluster.access_entry", "ok"),
        ("cluster.login", "ok"),
        ("cluster.operator", "ok"),
        ("cluster.permissions", "ok"),
        ("cluster.namespaces", "ok"),
        ("cluster.stores", "ok"),
    ] {
        ensure!(seen.states(check).iter().all(|found| found == state), "{check} is not {state}: {seen}");
        ensure!(!seen.states(check).is_empty(), "{check} is missing: {seen}");
    }
    Ok(())
}

async fn what_the_caller_may_not_see_is_unknown(setup: &SetUp) -> Result<()> {
    let cloud = setup.cloud;
    // It may see the stack, and nothing of it.
    let actions = ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"];
    let actor = Actor::with(cloud, "blind", &[allow(&actions, &["*"])]).await?;
    let seen = setup.doctor_as(Some(&actor), &[]).await?;
    ensure!(seen.code == Some(0) && seen.broken().is_empty(), "{seen}");
    let permissions = seen.only("caller.permissions")?;
    ensure!(permissions["state"] == "unknown", "{permissions}");
    let words = permissions["seen"].as_str().unwrap_or_default();
    for permission in [
        "cloudtrail:DescribeTrails",
        "eks:DescribeAccessEntry",
        "events:DescribeRule",
        "kms:DescribeKey",
        "lambda:GetFunctionConfiguration",
        "lambda:GetPolicy",
        "lambda:InvokeFunction",
        "scheduler:GetSchedule",
        "secretsmanager:ListSecrets",
        "sns:ListSubscriptionsByTopic",
        "sqs:GetQueueAttributes",
    ] {
        ensure!(words.contains(permission), "{permission} is not named: {words}");
    }
    for check in
        ["trail.logging", "functions.state", "queues.waiting", "keys.stack", "rules.enabled", "secrets.found"]
    {
        ensure!(seen.states(check).iter().all(|state| state == "unknown"), "{check}: {seen}");
    }
    the_policy_for_those_who_look_is_enough(setup).await
}

/// Except for the cluster: whoever may ask secret2eks may also request deliveries.
async fn the_policy_for_those_who_look_is_enough(setup: &SetUp) -> Result<()> {
    let arn = setup.variant.stack.output("SecopsLooksPolicyArn")?;
    let policy = setup.cloud.managed_policy(arn).await?;
    let statements = policy["Statement"].as_array().context("no statements")?;
    let actor = Actor::with(setup.cloud, "looker", statements).await?;
    let seen = setup.doctor_as(Some(&actor), &[]).await?;
    ensure!(seen.code == Some(0) && seen.broken().is_empty(), "{seen}");
    let permissions = seen.only("caller.permissions")?;
    ensure!(permissions["seen"] == "the caller lacks lambda:InvokeFunction", "{permissions}");
    for row in seen.unknown() {
        let check = row["check"].as_str().unwrap_or_default();
        let may_be = check == "caller.permissions" || check.starts_with("cluster.");
        ensure!(may_be && check != "cluster.access_entry", "{row}");
    }
    Ok(())
}

async fn one_secret_and_no_time(setup: &SetUp) -> Result<()> {
    let seen = setup.doctor(&[&setup.secret]).await?;
    ensure!(seen.broken().is_empty() && seen.states("secret.inspected").len() == 1, "{seen}");
    let seen = setup.doctor(&["unknown/secret"]).await?;
    ensure!(seen.code == Some(1) && seen.report == Value::Null, "{seen}");
    Ok(())
}

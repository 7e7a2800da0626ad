//! The permissions of the people who use `secops`: those who look, and those who act.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use end_to_end::{name, on_the_cluster};
use serde_json::Value;
use testbed::cloud::{Cloud, Variant, route_to};
use testbed::kubernetes::CLUSTER;

use super::{Role, Unasked};
use crate::actors::actor::{Actor, allow};
use crate::failure_path::notice;
use crate::kubernetes::routed::{LIMIT, RECEIPT, until};
use crate::secops::program::{Ended, program_on, run};
use crate::support::own_admin;

/// AWS asks for these, and the emulator does not.
const UNASKED: [Unasked<'_>; 1] = [("kms:", "", "SQS asks for them in the caller's name")];

/// Permissions that only `secops doctor` needs. Its tests ask for them.
const OF_THE_DOCTOR: [Unasked<'_>; 10] = [
    ("cloudformation:ListStackResources", "", "doctor"),
    ("cloudtrail:", "", "doctor"),
    ("dynamodb:GetItem", "", "doctor"),
    ("eks:", "", "doctor"),
    ("events:", "", "doctor"),
    ("kms:", "", "doctor"),
    ("lambda:Get", "", "doctor"),
    ("scheduler:", "", "doctor"),
    ("sns:", "", "doctor"),
    ("sqs:Get", "", "doctor"),
];

#[test]
fn every_permission_of_the_policy_for_those_who_act_is_needed() -> Result<()> {
    on_the_cluster(async |cloud| {
        let variant = deploy(cloud, "acts").await?;
        let actor = Actor::with(cloud, "acts", &[allow(&["sts:GetCallerIdentity"], &["*"])]).await?;
        // Those of the other policy stay, and have their own test.
        let looks = role(cloud, &variant, &actor, "SecopsLooksPolicyArn").await?;
        looks.put_all_without(&[]).await?;
        let acts = role(cloud, &variant, &actor, "SecopsActsPolicyArn").await?;
        acts.needs_each_of_its_rights(&UNASKED, async || acting(cloud, &variant, &actor).await).await
    })
}

#[test]
fn every_permission_of_the_policy_for_those_who_look_is_needed() -> Result<()> {
    on_the_cluster(async |cloud| {
        let variant = deploy(cloud, "looks").await?;
        let actor = Actor::with(cloud, "looks", &[allow(&["sts:GetCallerIdentity"], &["*"])]).await?;
        let looks = role(cloud, &variant, &actor, "SecopsLooksPolicyArn").await?;
        looks.needs_each_of_its_rights(&OF_THE_DOCTOR, async || looking(cloud, &variant, &actor).await).await
    })
}

async fn deploy(cloud: &Cloud, prefix: &str) -> Result<Variant> {
    let never = ("ReconcileSchedule", "rate(365 days)");
    let parameters = [("EksClusterName", CLUSTER), never, ("CallTimeoutSeconds", "4")];
    cloud.deploy_variant(&name(prefix), &parameters, &[]).await
}

/// Rotates, rolls back and revokes the secret of an application and an admin secret, delivers, and closes an incident.
async fn acting(cloud: &Cloud, variant: &Variant, actor: &Actor<'_>) -> Result<()> {
    let app = cloud.create_app(&name("acted-on")).await?;
    let admin = own_admin(cloud, "acted-on").await?;
    for arn in [&app.arn, &admin.arn] {
        rotate_with(cloud, variant, arn).await?;
        secops(variant, cloud, actor, &["rotate", arn, "--follow"]).await?;
    }
    // A receipt for the version to which the secret returns is removed first.
    let previous = cloud.version(&app.arn, "AWSPREVIOUS").await?.context("nothing is AWSPREVIOUS")?;
    cloud.set_tags(&app.arn, &[(RECEIPT, &previous)]).await?;
    for arn in [&app.arn, &admin.arn] {
        secops(variant, cloud, actor, &["rollback", arn]).await?;
    }
    let previous = cloud.version(&app.arn, "AWSPREVIOUS").await?.context("nothing is AWSPREVIOUS")?;
    let revoke = ["revoke", &app.arn, "--version", &previous, "--reason", "a test", "--force"];
    secops(variant, cloud, actor, &revoke).await?;
    cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &app.user, &[]).await?;
    cloud.set_tags(&app.arn, &route_to(&app.user, &app.user)).await?;
    secops(variant, cloud, actor, &["deliver", &app.arn]).await?;
    let queue = cloud.queue_of(variant, "DeadLetterQueueUrl").await?;
    queue.send(&[notice(&app.arn, "vhost.missing", "request-1", "2026-11-25T08:00:00Z")]).await?;
    until("the incident is open", async || {
        let listed = secops_json(variant, cloud, actor, &["incidents"]).await?;
        Ok(listed.to_string().contains(&app.arn))
    })
    .await?;
    secops(variant, cloud, actor, &["incidents", "close", &app.arn, "rotation", "--reason", "a test"])
        .await
        .map(drop)
}

/// Rotates with the function of that stack, which then is the one of all later rotations.
async fn rotate_with(cloud: &Cloud, variant: &Variant, arn: &str) -> Result<()> {
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let rotate = cloud.secrets.rotate_secret().secret_id(arn).rotation_rules(rules);
    let started = rotate.rotation_lambda_arn(&variant.function).send().await?;
    let rotation = cloud.aws.wait_for_rotation(arn, started.version_id.as_deref(), LIMIT).await?;
    ensure!(rotation.outcome == "succeeded", "{rotation:?}");
    Ok(())
}

/// Every command that only looks, except the doctor.
async fn looking(cloud: &Cloud, variant: &Variant, actor: &Actor<'_>) -> Result<()> {
    let app = cloud.create_app(&name("looked-at")).await?;
    let admin = own_admin(cloud, "looked-at").await?;
    secops_json(variant, cloud, actor, &["status"]).await?;
    secops_json(variant, cloud, actor, &["incidents"]).await?;
    let policy = [("rotation-watch/max-age-days", "30"), ("rotation-watch/owner", "ada")];
    for arn in [&app.arn, &admin.arn] {
        cloud.set_tags(arn, &policy).await?;
        secops_json(variant, cloud, actor, &["status", arn]).await?;
        secops_json(variant, cloud, actor, &["inspect", arn]).await?;
    }
    let due = secops_json(variant, cloud, actor, &["due"]).await?;
    for name in [format!("rabbitmq/{}", app.user), format!("rabbitmq-admin/{}", admin.user)] {
        // A secret whose age is denied is shown without it.
        let row = due.as_array().into_iter().flatten().find(|row| row["name"] == name.as_str());
        ensure!(row.is_some_and(|row| row["at"].is_string()), "{name}: {due}");
    }
    Ok(())
}

/// Runs a command that must succeed. Its questions are answered with yes.
async fn secops(variant: &Variant, cloud: &Cloud, actor: &Actor<'_>, words: &[&str]) -> Result<Ended> {
    let mut command = program_on(cloud, &variant.name)?;
    command.envs(actor.environment()).arg("--yes").args(words);
    run(command).await?.with(0)
}

/// Runs a command that looks. Something may need a person, such as a secret of another test.
async fn secops_json(variant: &Variant, cloud: &Cloud, actor: &Actor<'_>, words: &[&str]) -> Result<Value> {
    let mut command = program_on(cloud, &variant.name)?;
    command.envs(actor.environment()).args(["--output", "json"]).args(words);
    let ended = run(command).await?;
    ensure!(ended.code <= 1, "{ended:?}");
    ended.json()
}

/// The actor's role, with the document of that policy as an inline policy.
async fn role<'a>(cloud: &'a Cloud, variant: &Variant, actor: &Actor<'_>, output: &str) -> Result<Role<'a>> {
    let document = cloud.managed_policy(variant.stack.output(output)?).await?;
    Ok(Role { cloud, name: actor.role.clone(), policies: BTreeMap::from([(output.to_owned(), document)]) })
}

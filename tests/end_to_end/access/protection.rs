//! Changes of what protects the secrets.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::aws::RotationOptions;
use testbed::cloud::{Cloud, tag};

use super::{Watch, kinds, roles, trace};
use crate::actors::actor::{Actor, allow};
use crate::support::run_cli;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:DeleteSecret","Resource":"*"}]}"#;

/// What an actor may do to a secret, and what it is.
const CHANGES: [(&str, &str); 6] = [
    ("policy", "protection.policy_changed"),
    ("readers", "protection.policy_changed"),
    ("cancel", "protection.rotation_off"),
    ("function", "protection.rotation_off"),
    ("key", "protection.key_changed"),
    ("delete", "protection.secret_deleted"),
];

async fn change(watch: &Watch, cloud: &Cloud, actor: &Actor<'_>, what: &str, arn: &str) -> Result<()> {
    let secrets = &actor.secrets;
    let function = cloud.rotation_function()?;
    match what {
        "policy" => {
            secrets.put_resource_policy().secret_id(arn).resource_policy(POLICY).send().await?;
            secrets.delete_resource_policy().secret_id(arn).send().await?;
        }
        "readers" => {
            let readers = tag("secret-access/readers", "eve");
            secrets.tag_resource().secret_id(arn).tags(readers).send().await?;
        }
        "cancel" => {
            cloud.begin_rotation(arn).await?;
            // The queue of the events keeps no order.
            watch.path.alerts.wait_for(arn, 1).await?;
            secrets.cancel_rotate_secret().secret_id(arn).send().await?;
        }
        "function" => {
            let rotate = secrets.rotate_secret().secret_id(arn).rotation_lambda_arn(function);
            rotate.rotate_immediately(false).send().await?;
        }
        "key" => {
            secrets.update_secret().secret_id(arn).kms_key_id("alias/mine").send().await?;
        }
        _ => {
            secrets.delete_secret().secret_id(arn).send().await?;
        }
    }
    Ok(())
}

#[test]
fn each_change_of_the_protection_is_an_incident_unless_a_pipeline_on_the_list_makes_it() -> Result<()> {
    on_the_cloud(async |cloud| {
        let pipeline = name("pipeline");
        let administrators = roles(cloud, &pipeline);
        let parameters = [("SecretAdministrators", administrators.as_str())];
        // The function of the shared stack reads a secret when it becomes the rotation function.
        let watch = Watch::deploy(cloud, "protection", "rotation-RotationRole", &parameters).await?;
        let everything = [allow(&["secretsmanager:*", "lambda:InvokeFunction", "kms:*"], &["*"])];
        let stranger = Actor::with(cloud, "stranger", &everything).await?;
        let pipeline = Actor::with(cloud, &pipeline, &everything).await?;
        for (what, kind) in CHANGES {
            let (_, arn) = watch.secret(cloud).await?;
            change(&watch, cloud, &stranger, what, &arn).await.with_context(|| what.to_owned())?;
            watch.path.alerts.wait_for(&arn, 1).await.with_context(|| what.to_owned())?;
            let alerts = watch.told(&arn).await?;
            // begin_rotation is a call of root with the function of another stack.
            ensure!(kinds(&alerts).iter().all(|found| *found == kind), "{what}: {alerts:#?}");
            let who = if what == "cancel" { "root" } else { stranger.role.as_str() };
            ensure!(alerts[0].to_string().contains(who), "{what}: {alerts:#?}");
        }
        for (what, _) in CHANGES.into_iter().filter(|(what, _)| *what != "cancel") {
            let (_, arn) = watch.secret(cloud).await?;
            change(&watch, cloud, &pipeline, what, &arn).await.with_context(|| what.to_owned())?;
            watch.is_silent(&arn).await.with_context(|| what.to_owned())?;
        }
        Ok(())
    })
}

#[test]
fn a_secret_that_is_gone_for_good_is_reported_too() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "gone", &name("store"), &[]).await?;
        let (_, arn) = watch.secret(cloud).await?;
        let delete = cloud.secrets.delete_secret().secret_id(&arn);
        delete.force_delete_without_recovery(true).send().await?;
        let alerts = watch.path.alerts.wait_for(&arn, 1).await?;
        ensure!(kinds(&alerts) == ["protection.secret_deleted"], "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_change_of_the_key_of_the_secrets_is_critical() -> Result<()> {
    on_the_cloud(async |cloud| {
        let key = run_cli(cloud, &["kms", "create-key"]).await?;
        let key = key["KeyMetadata"]["Arn"].as_str().context("no ARN")?.to_owned();
        let watch = Watch::deploy(cloud, "key", &name("store"), &[("SecretsKeyArn", &key)]).await?;
        trace(cloud, &key, RotationOptions::default()).await?;
        run_cli(cloud, &["kms", "disable-key", "--key-id", &key]).await?;
        let alerts = watch.path.alerts.wait_for(&key, 1).await?;
        ensure!(kinds(&alerts) == ["protection.key_changed"], "{alerts:#?}");
        ensure!(alerts[0].to_string().contains("CRITICAL"), "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn the_longest_lists_fit_into_the_patterns_of_the_rules() -> Result<()> {
    on_the_cloud(async |cloud| {
        // The emulator refuses a pattern that is longer than AWS allows.
        let list = |limit: usize| -> String {
            let one = format!("arn:aws:iam::{}:role/{}*", cloud.aws.account(), "r".repeat(20));
            vec![one.as_str(); (limit + 1) / (one.len() + 1)].join(",")
        };
        let (readers, administrators) = (list(500), list(400));
        let endpoints = ["vpce-0123456789abcdef0"; 250 / 23].join(",");
        let key = format!("arn:aws:kms:us-east-1:{}:key/{}", cloud.aws.account(), "1".repeat(36));
        let parameters = [
            ("SecretReaders", readers.as_str()),
            ("SecretAdministrators", administrators.as_str()),
            ("InsideVpcEndpoints", endpoints.as_str()),
            ("InsideNetworks", "203.0.113.0/24"),
            ("SecretsKeyArn", key.as_str()),
        ];
        let variant = cloud.deploy_variant(&name("longest"), &parameters, &[]).await?;
        for rule in ["ValueRead", "ReadFromOutside", "ProtectionChanged", "KeyChanged"] {
            let rule = variant.stack.resource(rule)?;
            let described = run_cli(cloud, &["events", "describe-rule", "--name", rule]).await?;
            ensure!(described["EventPattern"].is_string(), "{described}");
        }
        Ok(())
    })
}

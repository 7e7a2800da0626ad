//! The permissions of the function that only looks.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::{Value, json};
use testbed::cloud::{Answer, Cloud, Variant};

use super::rotation::needs_an_old_version;
use super::{Right, Role, UNASKED, rights_of};
use crate::support::own_admin;

#[test]
fn every_permission_of_the_function_that_looks_is_needed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let parameters = [("CallTimeoutSeconds", "4")];
        let variant = cloud.deploy_variant(&name("inspect-rights"), &parameters, &[]).await?;
        let role = Role::of(cloud, &variant.stack, "InspectRole").await?;
        role.needs_each_of_its_rights(&UNASKED, async || works(cloud, &variant).await).await
    })
}

/// Inspects an application's secret, an admin secret that rotates, and one that does not. Then it reports a configuration
/// with which it does not start.
async fn works(cloud: &Cloud, variant: &Variant) -> Result<()> {
    let function = variant.stack.output("InspectFunctionName")?;
    // Start a new process, because a running one may have the address of the broker already.
    cloud.add_variables(function, &[("ATTEMPT", &name("attempt"))]).await?;
    let app = cloud.create_app(&name("inspect-app")).await?;
    let admin = own_admin(cloud, "inspect-admin").await?;
    for app in [&app, &admin] {
        needs_an_old_version(cloud, app).await?;
        let seen = look(cloud, function, &app.arn).await?.value()?;
        // The other user of the pair has no permission yet.
        ensure!(kinds(&seen) == ["grants.differ"], "{seen:#}");
        ensure!(seen["users"][1]["owner"] == "thisSecret", "{seen:#}");
        ensure!(seen["broker"]["state"] == "RUNNING", "{seen:#}");
    }
    let seen = look(cloud, function, &cloud.admin_secret).await?.value()?;
    ensure!(kinds(&seen).is_empty(), "{seen:#}");

    let told = async || variant.notices.matching(|notice| notice["kind"] == "configuration.invalid").await;
    let before = told().await?.len();
    cloud.add_variables(function, &[("PASSWORD_LENGTH", "none")]).await?;
    let started = look(cloud, function, &app.arn).await;
    cloud.add_variables(function, &[("PASSWORD_LENGTH", "40")]).await?;
    ensure!(!matches!(started, Ok(Answer::Done(_))), "it started with a wrong configuration");
    let another = async {
        while told().await?.len() == before {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(10), another).await.context("nobody was notified")?
}

async fn look(cloud: &Cloud, function: &str, secret: &str) -> Result<Answer> {
    cloud.invoke_function(function, &json!({"Action": "inspect", "SecretId": secret})).await
}

fn kinds(seen: &Value) -> Vec<&str> {
    let findings = seen["findings"].as_array().into_iter().flatten();
    findings.filter_map(|finding| finding["kind"].as_str()).collect()
}

#[test]
fn a_missing_permission_is_named_and_hides_no_more_than_it_must() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = cloud.deploy_variant(&name("inspect-denied"), &[], &[]).await?;
        let function = variant.stack.output("InspectFunctionName")?;
        let role = Role::of(cloud, &variant.stack, "InspectRole").await?;
        let app = cloud.create_app(&name("denied")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        for (action, resource, statement, kind) in [
            ("secretsmanager:DescribeSecret", ":secret:rabbitmq/", 0, "aws.access_denied"),
            ("secretsmanager:GetSecretValue", ":secret:rabbitmq/", 0, "aws.access_denied"),
            ("secretsmanager:GetSecretValue", ":secret:rabbitmq-admin/", 1, "admin.secret_unreadable"),
            ("mq:DescribeBroker", ":broker:", 0, "aws.access_denied"),
        ] {
            let is_it = |right: &Right| {
                right.action == action && right.resource.contains(resource) && right.statement == statement
            };
            let rights = role.policies.iter().flat_map(|(policy, document)| rights_of(policy, document));
            let right = rights.into_iter().find(is_it).with_context(|| format!("no right {action}"))?;
            role.put(&right.policy, std::slice::from_ref(&right)).await?;
            cloud.add_variables(function, &[("ATTEMPT", &name("attempt"))]).await?;
            let answer = look(cloud, function, &app.arn).await?;
            role.put(&right.policy, &[]).await?;
            let operation = action.split(':').next_back().unwrap_or_default();
            match (operation, &answer) {
                ("DescribeSecret", Answer::Failed { kind: found, message }) => {
                    ensure!(found == kind && message.contains(operation), "{answer:?}");
                }
                (_, Answer::Done(seen)) => {
                    ensure!(kinds(seen).contains(&kind), "{action}: {seen:#}");
                    ensure!(seen["findings"].to_string().contains(operation), "{action}: {seen:#}");
                    ensure!(seen["versions"].as_array().is_some_and(|all| all.len() == 2), "{seen:#}");
                }
                _ => anyhow::bail!("{action}: {answer:?}"),
            }
        }
        Ok(())
    })
}

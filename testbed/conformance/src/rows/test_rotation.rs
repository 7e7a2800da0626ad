//! Rows T: a rotation that only tests (`RotateImmediately=false`).

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::json;

use crate::secret::{FIRST, Secret, fail};
use crate::target::Target;
use crate::verdict::{Verdict, holds, observed, same};

async fn test(secret: &Secret<'_>) -> Result<()> {
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let function = secret.target.probe()?.output("ProbeArn")?;
    let rotate = secret.target.secrets.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    rotate.rotation_rules(rules).rotate_immediately(false).send().await?;
    Ok(())
}

/// Only testSecret runs.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn t1(target: &Target) -> Result<Verdict> {
    let secret = target.secret("t1").await?;
    test(&secret).await?;
    let step = target
        .eventually("the test", async || {
            Ok(secret.steps().await?.into_iter().find(super::super::probe::Invocation::has_ended))
        })
        .await?;
    same("the step", step.step.as_str(), "testSecret")?;
    same("the labels during the test", &step.labels.get(&step.token), &Some(&vec!["AWSPENDING".to_owned()]))?;
    target
        .eventually("the removal of the test's version", async || {
            let list =
                target.secrets.list_secret_version_ids().secret_id(&secret.arn).include_deprecated(true);
            let versions = list.send().await?.versions.unwrap_or_default();
            let is_left = versions.iter().any(|version| version.version_id() == Some(&step.token));
            Ok((!is_left).then_some(()))
        })
        .await?;
    secret.no_further_step(1).await?;
    same("RotationEnabled after the test", &secret.describe().await?.rotation_enabled, &Some(true))?;
    secret.must_hold(FIRST).await?;
    observed(match step.by_version.as_str() {
        "value" => "the version of the test has a value",
        _ => "the version of the test has no value",
    })
}

/// A test that fails.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn t2(target: &Target) -> Result<Verdict> {
    let secret = target.secret("t2").await?;
    secret.script(&json!({"testSecret": [fail()]})).await?;
    test(&secret).await?;
    secret.must_tell(&["TestRotationFailed".into()]).await?;
    secret.must_have("first", &secret.first, &["AWSCURRENT"]).await?;
    secret.no_further_step(1).await?;
    let step = secret.steps().await?.into_iter().next().context("no step was recorded")?;
    holds(step.step == "testSecret", || format!("{} ran", step.step))?;
    observed(format!(
        "RotationEnabled during the first test: {:?}",
        step.rotation_enabled.unwrap_or_default()
    ))
}

//! Rows C: cancelling.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::secret::{SECOND, put};
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, refused, same};

/// `CancelRotateSecret` while a step runs.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn c1(target: &Target) -> Result<Verdict> {
    let secret = target.secret("c1").await?;
    let script = json!({"createSecret": [put(SECOND), {"do": "wait"}], "finishSecret": [{"do": "promote"}]});
    secret.script(&script).await?;
    let version = secret.rotate().await?;
    target.eventually("the first step", async || Ok(secret.steps().await?.pop())).await?;
    let cancelled = target.secrets.cancel_rotate_secret().secret_id(&secret.arn).send().await?;
    same("the version that may be incomplete", &cancelled.version_id, &Some(version.clone()))?;
    target.probe()?.release(&secret.arn, &script).await?;
    target
        .eventually("the end of the step", async || {
            Ok(secret.steps().await?.into_iter().find(super::super::probe::Invocation::has_ended))
        })
        .await?;
    secret.no_further_step(1).await?;
    secret.must_have("cancelled", &version, &["AWSPENDING"]).await?;
    let described = secret.describe().await?;
    same("RotationEnabled", &described.rotation_enabled, &Some(false))?;
    same("NextRotationDate", &described.next_rotation_date, &None)?;
    confirmed()
}

/// The next rotation after a cancelled one.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn c2(target: &Target) -> Result<Verdict> {
    let secret = target.secret("c2").await?;
    let fail_once = json!({"do": "fail", "type": "Probe.Asked", "message": "once", "times": 1});
    secret
        .script(&json!({"createSecret": [put(SECOND), fail_once], "finishSecret": [{"do": "promote"}]}))
        .await?;
    let failed = secret.rotate_in_vain().await?;
    target.secrets.cancel_rotate_secret().secret_id(&secret.arn).send().await?;
    let rotate = || target.secrets.rotate_secret().secret_id(&secret.arn);
    refused("a rotation after the cancelled one", rotate().send().await, "InvalidRequestException")?;
    secret.take_pending_off(&failed).await?;
    let version = rotate().send().await?.version_id.context("no version")?;
    target
        .eventually("the end of the rotation", async || {
            Ok((secret.holder("AWSCURRENT").await?.as_ref() == Some(&version)).then_some(()))
        })
        .await?;
    same("RotationEnabled", &secret.describe().await?.rotation_enabled, &Some(true))?;
    confirmed()
}

/// `CancelRotateSecret` without a function.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn c3(target: &Target) -> Result<Verdict> {
    let secret = target.secret("c3").await?;
    let cancel = target.secrets.cancel_rotate_secret().secret_id(&secret.arn).send().await;
    refused("no rotation function", cancel, "InvalidRequestException")?;
    confirmed()
}

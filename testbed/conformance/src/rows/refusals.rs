//! Rows R6 to R8: when `RotateSecret` starts a rotation.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::secret::{SECOND, put, token};
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, refused, same};

/// `RotateSecret` while AWSPENDING is attached to another version.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r6(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r6").await?;
    let fail_once = json!({"do": "fail", "type": "Probe.Asked", "message": "once", "times": 1});
    secret
        .script(&json!({"createSecret": [put(SECOND), fail_once], "finishSecret": [{"do": "promote"}]}))
        .await?;
    let failed = secret.rotate_in_vain().await?;
    let rotate = || target.secrets.rotate_secret().secret_id(&secret.arn);
    refused("a rotation before the last is complete", rotate().send().await, "InvalidRequestException")?;
    secret.take_pending_off(&failed).await?;
    rotate().send().await?.version_id.context("no version")?;
    confirmed()
}

/// `RotateSecret` while AWSPENDING is attached to AWSCURRENT's version.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r7(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r7").await?;
    // The same value again would be a request that is known.
    secret.script_success().await?;
    let first = secret.rotate_successfully().await?;
    if !secret.labels(&first).await?.iter().any(|label| label == "AWSPENDING") {
        let attach = target.secrets.update_secret_version_stage().secret_id(&secret.arn);
        attach.version_stage("AWSPENDING").move_to_version_id(&first).send().await?;
    }
    secret.must_have("current", &first, &["AWSCURRENT", "AWSPENDING"]).await?;
    let second = secret.rotate_successfully().await?;
    same("the current version", &secret.holder("AWSCURRENT").await?, &Some(second))?;
    secret.must_have("earlier", &first, &["AWSPREVIOUS"]).await?;
    confirmed()
}

/// The token of the caller.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r8(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r8").await?;
    secret.script_success().await?;
    let token = token();
    let rotate = async || -> Result<String> {
        let function = target.probe()?.output("ProbeArn")?;
        let rotate = target.secrets.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        rotate.client_request_token(&token).send().await?.version_id.context("no version")
    };
    same("the version", &rotate().await?, &token)?;
    target
        .eventually("the end of the rotation", async || {
            let steps = secret.steps_of(&token).await?;
            Ok(steps.iter().any(|step| step.step == "finishSecret" && step.has_ended()).then_some(()))
        })
        .await?;
    same("the version of the same request again", &rotate().await?, &token)?;
    secret.no_further_step(4).await?;
    confirmed()
}

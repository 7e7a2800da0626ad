//! Rows R: what a rotation function is asked, and what follows a step that fails.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::secret::{FIRST, SECOND, fail, put};
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, contradiction, holds, observed, refused, same};

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// The four steps.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r1(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r1").await?;
    secret.script_success().await?;
    let version = secret.rotate_successfully().await?;
    let steps = secret.steps().await?;
    same("the steps", &steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>(), &STEPS.to_vec())?;
    for step in &steps {
        same("the token", &step.token, &version)?;
        same("the secret", &step.secret, &secret.arn)?;
        let has_all = ["ClientRequestToken", "SecretId", "Step"]
            .iter()
            .all(|name| step.fields.iter().any(|f| f == name));
        holds(has_all, || format!("the fields of the event are {:?}", step.fields))?;
    }
    secret.must_hold(SECOND).await?;
    secret.must_have("first", &secret.first, &["AWSPREVIOUS"]).await?;
    confirmed()
}

/// AWSPENDING before the first step.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r2(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r2").await?;
    secret.script_success().await?;
    let version = secret.rotate_successfully().await?;
    let first = secret.steps().await?.into_iter().next().context("no step was recorded")?;
    same(
        "the labels before createSecret",
        &first.labels.get(&version),
        &Some(&vec!["AWSPENDING".to_owned()]),
    )?;
    same("a read by the token", first.by_version.as_str(), "ResourceNotFoundException")?;
    same("a read by AWSPENDING", first.by_label.as_str(), "ResourceNotFoundException")?;
    confirmed()
}

/// A failed step.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r3(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r3").await?;
    secret.script(&json!({"createSecret": [put(SECOND)], "setSecret": [fail()]})).await?;
    let version = secret.rotate_in_vain().await?;
    tokio::time::sleep(target.pace.quiet).await;
    let steps = secret.steps().await?;
    let names: Vec<&str> = steps.iter().map(|step| step.step.as_str()).collect();
    same(
        "the first steps",
        &names.iter().take(2).copied().collect::<Vec<_>>(),
        &vec!["createSecret", "setSecret"],
    )?;
    if names.get(2) == Some(&"setSecret") {
        return Err(contradiction("the failed step was invoked again"));
    }
    secret.must_hold(FIRST).await?;
    let Some(next) = steps.get(2) else {
        secret.must_have("failed", &version, &["AWSPENDING"]).await?;
        return observed(format!("nothing was invoked again within {} s", target.pace.quiet.as_secs()));
    };
    let which = if next.token == version { "the same" } else { "a new" };
    observed(format!("{} was invoked again with {which} token", next.step))
}

/// A function that ends without an answer.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r4(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r4").await?;
    secret.script(&json!({"createSecret": [{"do": "exit"}]})).await?;
    let version = secret.rotate_in_vain().await?;
    secret.must_tell(&["RotationFailed".to_owned()]).await?;
    let steps = secret.steps_of(&version).await?;
    let went_on = steps.iter().any(|step| step.step == "setSecret");
    holds(!went_on, || "setSecret followed a createSecret without an answer".to_owned())?;
    secret.must_have("failed", &version, &["AWSPENDING"]).await?;
    confirmed()
}

/// A rotation that does not promote.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r5(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r5").await?;
    secret.script(&json!({"createSecret": [put(SECOND)]})).await?;
    let version = secret.rotate_successfully().await?;
    secret.must_tell(&["RotationFailed".to_owned()]).await?;
    secret.must_have("not promoted", &version, &["AWSPENDING"]).await?;
    secret.must_hold(FIRST).await?;
    confirmed()
}

/// The `RotationToken`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r9(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r9").await?;
    secret.script_success().await?;
    secret.rotate_successfully().await?;
    let lengths: Vec<Option<usize>> = secret.steps().await?.iter().map(|step| step.rotation_token).collect();
    let are_well_formed = lengths.iter().flatten().all(|length| (36..=256).contains(length));
    holds(are_well_formed, || format!("the lengths of the RotationTokens are {lengths:?}"))?;
    let put = target.secrets.put_secret_value().secret_id(&secret.arn).secret_string(SECOND);
    refused("a short RotationToken", put.rotation_token("short").send().await, "InvalidParameterException")?;
    observed(match lengths.first() {
        Some(Some(length)) => {
            format!("a function with a role of its own gets a RotationToken of {length} characters")
        }
        _ => "a function with a role of its own gets no RotationToken".to_owned(),
    })
}

/// The variables of a function.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn r11(target: &Target) -> Result<Verdict> {
    let secret = target.secret("r11").await?;
    secret.script_success().await?;
    secret.rotate_successfully().await?;
    let first = secret.steps().await?.into_iter().next().context("no step was recorded")?;
    for name in ["AWS_SESSION_TOKEN", "AWS_LAMBDA_FUNCTION_NAME", "PROBE_TABLE"] {
        holds(first.variables.iter().any(|known| known == name), || format!("the function has no {name}"))?;
    }
    for name in ["GATEWAY_PORT", "TESTBED_CONTROL", "AUTH"] {
        holds(!first.variables.iter().any(|known| known == name), || format!("the function has {name}"))?;
    }
    confirmed()
}

//! Rows I1 to I7: permissions.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;
use serde_json::json;

use crate::target::Target;
use crate::verdict::{Verdict, confirmed, holds, observed, refused, same};

/// A new role may be unknown in a part of AWS for some seconds.
pub(super) const NEW_ROLE: Duration = Duration::from_mins(1);
/// What "at once" means in row I2.
const AT_ONCE: Duration = Duration::from_secs(10);

/// The function's policy.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i1(target: &Target) -> Result<Verdict> {
    let secret = target.secret("i1").await?;
    for output in ["WithoutPermissionArn", "ForAnotherAccountArn"] {
        let function = target.probe()?.output(output)?;
        let rotate = target.secrets.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        refused(output, rotate.send().await, "AccessDeniedException")?;
    }
    let without = target.secrets.rotate_secret().secret_id(&secret.arn).send().await;
    refused("no function", without, "InvalidRequestException")?;
    same("RotationEnabled", &secret.describe().await?.rotation_enabled.unwrap_or_default(), &false)?;
    confirmed()
}

/// `aws:ResourceTag`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i2(target: &Target) -> Result<Verdict> {
    let secret = target.secret("i2").await?;
    must_read(target, &secret.arn).await?;
    target.secrets.untag_resource().secret_id(&secret.arn).tag_keys("probe").send().await?;
    let untagged = until(target, &secret.arn, |answer| answer.contains("AccessDenied")).await?;
    let tag = Tag::builder().key("probe").value("allowed").build();
    target.secrets.tag_resource().secret_id(&secret.arn).tags(tag).send().await?;
    let tagged = until(target, &secret.arn, |answer| answer == "value").await?;
    let slowest = untagged.max(tagged);
    holds(slowest < AT_ONCE, || format!("a changed tag took effect after {} s", slowest.as_secs()))?;
    observed(format!("a changed tag took effect within {} s", slowest.as_secs() + 1))
}

/// `secretsmanager:ResourceTag`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i3(target: &Target) -> Result<Verdict> {
    let secret = target.secret_with("service-tag", target.tags_with("service"), None).await?;
    must_read(target, &secret.arn).await?;
    target.secrets.untag_resource().secret_id(&secret.arn).tag_keys("service").send().await?;
    until(target, &secret.arn, |answer| answer.contains("AccessDenied")).await?;
    confirmed()
}

/// A key of a customer.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i4(target: &Target) -> Result<Verdict> {
    let probe = target.probe()?;
    let mut answers = Vec::new();
    for key in ["AllowedKeyArn", "OtherKeyArn"] {
        let secret = target.secret_with("i4", target.secret_tags(), Some(probe.output(key)?)).await?;
        answers.push(probe.read(&secret.arn).await?);
    }
    let [allowed, denied] = answers.as_slice() else { anyhow::bail!("not two answers") };
    same("a read under the key that the probe may use", allowed.as_str(), "value")?;
    let is_denied = denied.contains("AccessDenied");
    holds(is_denied, || "a read under the other key was allowed".to_owned())?;
    observed(if denied.contains("kms:Decrypt") {
        "the refusal names kms:Decrypt"
    } else {
        "the refusal does not name kms:Decrypt"
    })
}

/// The caller of `RotateSecret`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i5(target: &Target) -> Result<Verdict> {
    let (probe, secret) = (target.probe()?, target.secret("i5").await?);
    secret.script_success().await?;
    let function = probe.output("ProbeArn")?;
    for (role, is_allowed) in [("RotatorArn", false), ("RotatorWithInvokeArn", true)] {
        let session = target.cli()?.session(probe.output(role)?, NEW_ROLE).await?;
        let client = Client::new(&session);
        let rotate = client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        if is_allowed {
            rotate.send().await.context("with lambda:InvokeFunction")?;
        } else {
            refused("without lambda:InvokeFunction", rotate.send().await, "AccessDeniedException")?;
        }
    }
    confirmed()
}

/// `events:source`.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i7(target: &Target) -> Result<Verdict> {
    let session = target.cli()?.session(target.probe()?.output("SenderArn")?, NEW_ROLE).await?;
    let client = aws_sdk_eventbridge::Client::new(&session);
    let (ours, theirs) = (format!("{}-ours", target.run.prefix()), format!("{}-theirs", target.run.prefix()));
    let entry = |source: &str| {
        let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder();
        entry.source(source).detail_type("t").detail(json!({}).to_string()).build()
    };
    client.put_events().entries(entry(&ours)).send().await.context("the allowed source")?;
    let other = client.put_events().entries(entry(&theirs)).send().await;
    refused("another source", other, "AccessDeniedException")?;
    let both = client.put_events().entries(entry(&ours)).entries(entry(&theirs)).send().await;
    refused("both sources", both, "AccessDeniedException")?;
    confirmed()
}

/// The probe's role is new, too: at first its permissions may be unknown.
async fn must_read(target: &Target, arn: &str) -> Result<()> {
    until(target, arn, |answer| answer == "value").await.map(drop)
}

/// How long it takes until the probe's read is answered so.
async fn until(target: &Target, arn: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Duration> {
    let started = Instant::now();
    target
        .eventually("the answer to a read of the probe", async || {
            Ok(is_wanted(&target.probe()?.read(arn).await?).then(|| started.elapsed()))
        })
        .await
}

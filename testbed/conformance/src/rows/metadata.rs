//! Rows D: metadata of a secret.

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, RotationRulesType};

use crate::clock;
use crate::secret::{SECOND, Secret, token};
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, holds, observed, refused, same};

const DAY: i64 = 86_400;
/// The clocks of AWS and of this machine may differ.
const CLOCKS: i64 = 300;

/// The dates of a rotation.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn d1(target: &Target) -> Result<Verdict> {
    let secret = target.secret("d1").await?;
    let before = secret.describe().await?;
    same("LastRotatedDate before", &before.last_rotated_date, &None)?;
    same("NextRotationDate before", &before.next_rotation_date, &None)?;
    secret.script_success().await?;
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let function = target.probe()?.output("ProbeArn")?;
    let rotate = target.secrets.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    rotate.rotation_rules(rules).send().await?;
    let after = target
        .eventually("LastRotatedDate", async || {
            let described = secret.describe().await?;
            Ok(described.last_rotated_date.is_some().then_some(described))
        })
        .await?;
    let rotated = after.last_rotated_date.context("no date")?.secs();
    let next = after.next_rotation_date.context("no NextRotationDate")?.secs();
    let off = (clock::now().as_second() - rotated).abs();
    holds(off < CLOCKS, || format!("LastRotatedDate is {off} s away"))?;
    holds((30 * DAY..=31 * DAY).contains(&(next - rotated)), || {
        format!("the next rotation is in {} s", next - rotated)
    })?;
    let days = after.rotation_rules.and_then(|rules| rules.automatically_after_days);
    same("AutomaticallyAfterDays", &days, &Some(30))?;
    same("RotationLambdaARN", &after.rotation_lambda_arn.as_deref(), &Some(function))?;
    confirmed()
}

/// A value put by hand and the dates.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn d2(target: &Target) -> Result<Verdict> {
    let secret = target.secret("d2").await?;
    let rules = RotationRulesType::builder().schedule_expression("rate(4 hours)").build();
    let function = target.probe()?.output("ProbeArn")?;
    let rotate = target.secrets.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    rotate.rotation_rules(rules).rotate_immediately(false).send().await?;
    secret.put(SECOND, &token(), &["AWSCURRENT"]).await?;
    let described = secret.describe().await?;
    same("LastRotatedDate", &described.last_rotated_date, &None)?;
    let next = described.next_rotation_date.context("no NextRotationDate")?.secs();
    let changed = described.last_changed_date.context("no LastChangedDate")?.secs();
    let wait = next - changed;
    holds((4 * 3600..=5 * 3600).contains(&wait), || {
        format!("the next rotation is {wait} s after the value")
    })?;
    observed(format!("the next rotation of rate(4 hours) is {} min after the value", wait / 60))
}

/// Schedules that are refused.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn d3(target: &Target) -> Result<Verdict> {
    let secret = target.secret("d3").await?;
    let expressions = ["rate(3 hours)", "cron(5 8 * * ? *)", "cron(0 8 * * ? 2030)", "every day"];
    let rules =
        expressions.map(|text| (text, RotationRulesType::builder().schedule_expression(text).build()));
    let days = ("1001 days", RotationRulesType::builder().automatically_after_days(1001).build());
    for (what, rules) in rules.into_iter().chain([days]) {
        refused(what, rotate(&secret, rules).await?, "InvalidParameterException")?;
    }
    same("RotationEnabled", &secret.describe().await?.rotation_enabled.unwrap_or_default(), &false)?;
    confirmed()
}

/// Windows that are refused.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn d4(target: &Target) -> Result<Verdict> {
    let rules = |expression: &str, window: &str| {
        RotationRulesType::builder().schedule_expression(expression).duration(window).build()
    };
    let secret = target.secret("d4").await?;
    secret.script_success().await?;
    for (expression, window) in [
        ("cron(0 22 * * ? *)", "4h"),
        ("cron(0 8,10 * * ? *)", "3h"),
        ("rate(4 hours)", "5h"),
        ("rate(10 days)", "25h"),
        ("rate(10 days)", "0h"),
        ("rate(10 days)", "4"),
    ] {
        let what = format!("{expression} with a window of {window}");
        refused(&what, rotate(&secret, rules(expression, window)).await?, "InvalidParameterException")?;
    }
    for (expression, window) in [("cron(0 20 * * ? *)", "4h"), ("rate(10 days)", "24h")] {
        let secret = target.secret("d4-taken").await?;
        secret.script_success().await?;
        let taken = rotate(&secret, rules(expression, window)).await?;
        holds(taken.is_ok(), || format!("{expression} with a window of {window} is refused"))?;
    }
    confirmed()
}

type Rotated = std::result::Result<
    aws_sdk_secretsmanager::operation::rotate_secret::RotateSecretOutput,
    aws_sdk_secretsmanager::error::SdkError<
        aws_sdk_secretsmanager::operation::rotate_secret::RotateSecretError,
    >,
>;

async fn rotate(secret: &Secret<'_>, rules: RotationRulesType) -> Result<Rotated> {
    let function = secret.target.probe()?.output("ProbeArn")?;
    let rotate = secret.target.secrets.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    Ok(rotate.rotation_rules(rules).send().await)
}

/// The filter of names.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn d5(target: &Target) -> Result<Verdict> {
    let secret = target.secret("D5-Filtered").await?;
    let found = async |value: &str| -> Result<bool> {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(value).build();
        let list = target.secrets.list_secrets().filters(filter).send().await?;
        Ok(list.secret_list().iter().any(|entry| entry.name() == Some(&secret.name)))
    };
    // A list may lag behind.
    target.eventually("the name in the list", async || Ok(found(&secret.name).await?.then_some(()))).await?;
    let prefix = format!("{}/D5-", target.run.prefix());
    holds(found(&prefix).await?, || "a prefix does not find the name".to_owned())?;
    let lower = prefix.to_lowercase();
    holds(!found(&lower).await?, || "the case of the prefix does not matter".to_owned())?;
    holds(!found("5-Filtered").await?, || "a text inside the name finds it".to_owned())?;
    let negated = format!("!{}", secret.name);
    holds(!found(&negated).await?, || "an exclamation mark does not negate".to_owned())?;
    confirmed()
}

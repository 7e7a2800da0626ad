//! Rows D: metadata of a secret.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, RotationRulesType};

use crate::support::{Secret, assert_refused, token, unique};

const DAY: i64 = 86_400;

#[tokio::test]
async fn the_dates_of_rotation_are_returned_while_rotation_is_on() -> Result<()> {
    let secret = Secret::new().await?;
    let before = describe(&secret).await?;
    assert_eq!((before.last_rotated_date, before.next_rotation_date), (None, None));

    secret.script_success()?;
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let function = secret.shared.stack.output("ProbeArn")?;
    let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    let version = rotate.rotation_rules(rules).send().await?.version_id.context("no version")?;
    secret.wait(&version).await?;

    let after = describe(&secret).await?;
    #[expect(clippy::disallowed_methods, reason = "the emulator's date is compared with the clock")]
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let rotated = after.last_rotated_date.context("no date")?.secs();
    let next = after.next_rotation_date.context("no date")?.secs();
    assert!((now - rotated).abs() < 60, "{rotated}");
    assert!((30 * DAY..31 * DAY).contains(&(next - rotated)), "{next}");
    assert_eq!(after.rotation_rules.and_then(|rules| rules.automatically_after_days), Some(30));
    assert_eq!(after.rotation_lambda_arn.as_deref(), Some(function));
    Ok(())
}

#[tokio::test]
async fn a_value_put_by_hand_counts_for_the_next_date_only() -> Result<()> {
    let secret = Secret::new().await?;
    let rules = RotationRulesType::builder().schedule_expression("rate(4 hours)").build();
    let function = secret.shared.stack.output("ProbeArn")?;
    let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    rotate.rotation_rules(rules).rotate_immediately(false).send().await?;
    secret.put("by hand", &token(), &["AWSCURRENT"]).await?;
    let described = describe(&secret).await?;
    assert_eq!(described.last_rotated_date, None);
    let next = described.next_rotation_date.context("no date")?.secs();
    let changed = described.last_changed_date.context("no date")?.secs();
    assert_eq!(next - changed, 4 * 3600);
    Ok(())
}

#[tokio::test]
async fn schedules_that_aws_does_not_take_are_refused() -> Result<()> {
    let secret = Secret::new().await?;
    let function = secret.shared.stack.output("ProbeArn")?;
    let expressions = ["rate(3 hours)", "cron(5 8 * * ? *)", "cron(0 8 * * ? 2030)", "every day"];
    let rules = expressions.map(|text| RotationRulesType::builder().schedule_expression(text).build());
    for rules in
        rules.into_iter().chain([RotationRulesType::builder().automatically_after_days(1001).build()])
    {
        let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        assert_refused(rotate.rotation_rules(rules).send().await, "InvalidParameterException")?;
    }
    assert_eq!(describe(&secret).await?.rotation_enabled, Some(false), "a refusal changes nothing");
    Ok(())
}

#[tokio::test]
async fn a_window_that_reaches_into_the_next_one_or_the_next_day_is_refused() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    let function = secret.shared.stack.output("ProbeArn")?;
    let rules = |expression: &str, window: &str| {
        RotationRulesType::builder().schedule_expression(expression).duration(window).build()
    };
    for (expression, window) in [
        ("cron(0 22 * * ? *)", "4h"),
        ("cron(0 8,10 * * ? *)", "3h"),
        ("rate(4 hours)", "5h"),
        ("rate(10 days)", "25h"),
        ("rate(10 days)", "0h"),
        ("rate(10 days)", "4"),
    ] {
        let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        let answer = rotate.rotation_rules(rules(expression, window)).send().await;
        assert_refused(answer, "InvalidParameterException")
            .with_context(|| format!("{expression} {window}"))?;
    }
    for (expression, window) in [("cron(0 20 * * ? *)", "4h"), ("rate(10 days)", "24h")] {
        let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        let version = rotate.rotation_rules(rules(expression, window)).send().await?.version_id;
        secret.wait(&version.context("no version")?).await?;
    }
    Ok(())
}

#[tokio::test]
async fn names_are_filtered_by_case_sensitive_prefix() -> Result<()> {
    let secret = Secret::named(&unique("Filtered")).await?;
    let name = describe(&secret).await?.name.context("no name")?;
    let found = async |value: &str| -> Result<bool> {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(value).build();
        let list = secret.client.list_secrets().filters(filter).send().await?;
        Ok(list.secret_list().iter().any(|entry| entry.name() == Some(&name)))
    };
    assert!(found(&name).await? && found("Filtered/").await?);
    assert!(!found("filtered/").await?, "case matters");
    assert!(!found("iltered").await?, "not anywhere in the name");
    assert!(!found(&format!("!{name}")).await?, "an exclamation mark negates");
    Ok(())
}

async fn describe(secret: &Secret) -> Result<DescribeSecretOutput> {
    Ok(secret.client.describe_secret().secret_id(&secret.arn).send().await?)
}

//! A rotation that succeeds: its steps and its results.

use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::Value;
use testbed::aws::Rotation;
use testbed::cloud::{App, Cloud};

use super::{queue_is_empty, show_current, user_in};
use crate::commands::report::{Report, duration};
use crate::commands::step_times::{self, Mark};

/// Rotates with `RotateSecret`, shows the steps and checks the results.
pub async fn show(cloud: &Cloud, app: &App, title: &str, report: &mut Report) -> Result<()> {
    report.section(&format!("{title}: RotateSecret"));
    let before = cloud.value(&app.arn, "AWSCURRENT").await?;
    let (mark, began) = (step_times::mark(cloud)?, Instant::now());
    let rotation = cloud.rotate(&app.arn).await?;
    let took = began.elapsed();
    show_steps(cloud, &rotation, mark, report).await?;
    report.field("all of it", &format!("{:>8}", duration(took)));
    show_current(cloud, app, report).await?;
    check(cloud, app, &rotation, &before, report).await?;
    report.check("the dead-letter queue is empty", queue_is_empty(cloud).await);
    Ok(())
}

/// Checks that `rotation` succeeded, and that both users of the pair log in and have the same permissions.
pub async fn check(
    cloud: &Cloud,
    app: &App,
    rotation: &Rotation,
    before: &Value,
    report: &mut Report,
) -> Result<()> {
    let now = cloud.value(&app.arn, "AWSCURRENT").await?;
    let (old, new) = (user_in(before), user_in(&now));
    let promoted = cloud.version(&app.arn, "AWSCURRENT").await;
    let last = rotation.attempts.last().context("a rotation without an attempt")?;
    report.check(
        &format!("the rotation succeeded (Secrets Manager: `{}`)", rotation.outcome),
        Ok(rotation.outcome == "succeeded"),
    );
    let is_last = promoted.map(|version| version.as_deref() == Some(last.version_id.as_str()));
    report.check("AWSCURRENT is the version that the rotation created", is_last);
    let other = format!("{}_clone", app.user);
    let alternated = old != new && [app.user.as_str(), other.as_str()].contains(&new);
    report.check(&format!("the user alternated: `{old}` -> `{new}`"), Ok(alternated));
    report.check(&format!("the new credentials log in over AMQPS (`{new}`)"), cloud.logs_in(&now).await);
    report.check(&format!("the old credentials still log in (`{old}`)"), cloud.logs_in(before).await);
    report.check("both users have the same grants on the broker", same_grants(cloud, old, new).await);
    Ok(())
}

/// Shows the completed steps with their times. If the last step failed, shows the error.
pub async fn show_steps(cloud: &Cloud, rotation: &Rotation, mark: Mark, report: &Report) -> Result<()> {
    let steps = rotation.attempts.last().map(|attempt| attempt.steps.as_slice()).unwrap_or_default();
    let succeeded = steps.iter().filter(|step| step.outcome == "succeeded").count();
    let times = step_times::since(cloud, mark, &rotation.secret_arn, succeeded).await?;
    for step in steps {
        let took = times.iter().find(|(name, _)| *name == step.step).map(|(_, time)| duration(*time));
        let end = match &step.error_type {
            Some(kind) => format!("{} as {kind}", step.outcome),
            None => step.outcome.clone(),
        };
        report.field(&step.step, &format!("{:>8}  {end}", took.unwrap_or_default()));
    }
    Ok(())
}

async fn same_grants(cloud: &Cloud, one: &str, other: &str) -> Result<bool> {
    let management = cloud.broker.management()?;
    Ok(management.grants(one).await? == management.grants(other).await?)
}

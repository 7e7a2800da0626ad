//! `application`: deploys the synthesized templates of `examples/cdk` beside the suite, from the creation of the stack to
//! its deletion. `cargo xtask cdk` calls it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use testbed::aws::{Options, Stack};
use testbed::broker::Suite;
use testbed::cloud::Cloud;

use super::report::{Report, say};
use super::{Started, functions_beside_this_program, relative};

/// The stack of `examples/cdk/app.ts`.
const STACK: &str = "payment-secret";
/// Its users.
const PAIR: [&str; 2] = ["payment", "payment_clone"];
/// The patterns of the template for configure, write and read.
const PATTERNS: [&str; 3] = ["", "^orders$", "^payment"];
/// The pattern for write after the update.
const MORE: &str = "^(orders|refunds)$";
/// More than a first rotation takes.
const LIMIT: Duration = Duration::from_secs(90);

/// Creates, updates and deletes the stack. Deleting the stack of the template `kept` keeps the secret and the users, and
/// deleting that of `removed` deletes them. Returns whether all checks passed.
pub async fn run(suite: Suite, kept: &Path, removed: &Path) -> Result<bool> {
    say("Starting a local broker and an AWS emulator ...");
    let functions = functions_beside_this_program()?;
    let started = Started::new("application", suite, functions, false, Options::default()).await?;
    let mut report = Report::default();
    if let Err(error) = show(&started, kept, removed, &mut report).await {
        report.check("no error stopped the deployments", Err(error));
    }
    let held = report.end();
    started.end(!held);
    Ok(held)
}

async fn show(started: &Started, kept: &Path, removed: &Path, report: &mut Report) -> Result<()> {
    report.section("The parts");
    for (part, what) in started.parts()? {
        report.field(part, &what);
    }
    let arn = create(&started.cloud, kept, report).await?;
    update(&started.cloud, kept, &arn, report).await?;
    remove(&started.cloud, removed, &arn, report).await
}

/// Returns the ARN of the secret.
async fn create(cloud: &Cloud, template: &Path, report: &mut Report) -> Result<String> {
    report.section("One deployment creates the secret, its broker user and the schedule");
    report.field("template", &relative(template).display().to_string());
    let stack = deploy(cloud, template, PATTERNS[1]).await?;
    let arn = stack.output("SecretArn")?.to_owned();
    report.field("secret", &arn);
    let rotation = cloud.aws.wait_for_rotation(&arn, None, LIMIT).await?;
    let statement = format!("the first rotation followed (Secrets Manager: `{}`)", rotation.outcome);
    report.check(&statement, Ok(rotation.outcome == "succeeded"));
    both_log_in(cloud, &arn, report).await?;
    both_have(cloud, PATTERNS, report).await?;
    Ok(arn)
}

async fn update(cloud: &Cloud, template: &Path, arn: &str, report: &mut Report) -> Result<()> {
    report.section("An update adds a permission");
    let before = cloud.version(arn, "AWSCURRENT").await?;
    deploy(cloud, template, MORE).await?;
    both_have(cloud, [PATTERNS[0], MORE, PATTERNS[2]], report).await?;
    let after = cloud.version(arn, "AWSCURRENT").await?;
    report.check("AWSCURRENT is the same version", Ok(after == before));
    both_log_in(cloud, arn, report).await
}

async fn remove(cloud: &Cloud, template: &Path, arn: &str, report: &mut Report) -> Result<()> {
    report.section("An update with `keep=false`, and the deletion of the stack");
    report.field("template", &relative(template).display().to_string());
    deploy(cloud, template, MORE).await?;
    both_log_in(cloud, arn, report).await?;
    cloud.aws.delete_stack(STACK).await?;
    let management = cloud.broker.management()?;
    for user in PAIR {
        let is_gone = management.user(user).await.map(|found| found.is_none());
        report.check(&format!("the user `{user}` does not exist"), is_gone);
    }
    report.check("the secret does not exist", cloud.has_secret(arn).await.map(|exists| !exists));
    report.check("no failure was reported", cloud.notices.all().await.map(|notices| notices.is_empty()));
    Ok(())
}

/// Creates or updates the stack. `write` is the pattern of what `payment` may write to.
async fn deploy(cloud: &Cloud, template: &Path, write: &str) -> Result<Stack> {
    let parameters = [
        ("BrokerId", cloud.broker_id.as_str()),
        ("AdminSecretArn", &cloud.admin_secret),
        ("RotationFunctionArn", cloud.rotation_function()?),
        ("BrokerUserFunctionArn", cloud.broker_user_function()?),
        ("Write", write),
    ];
    cloud.aws.deploy(STACK, template, &parameters, &[]).await
}

/// Checks the new user, which the rotation created, and the first user, which the deployment created.
async fn both_log_in(cloud: &Cloud, arn: &str, report: &mut Report) -> Result<()> {
    for (stage, user) in [("AWSCURRENT", PAIR[1]), ("AWSPREVIOUS", PAIR[0])] {
        let value = cloud.value(arn, stage).await?;
        let is_the_user = value["username"] == user;
        let logs_in = cloud.logs_in(&value).await.map(|logs_in| logs_in && is_the_user);
        report.check(&format!("{stage}: `{user}` logs in over AMQPS"), logs_in);
    }
    Ok(())
}

async fn both_have(cloud: &Cloud, patterns: [&str; 3], report: &mut Report) -> Result<()> {
    let management = cloud.broker.management()?;
    for user in PAIR {
        let grants = management.grants(user).await?;
        // `grants` names virtual hosts as JSON.
        let has_them = grants["permissions"]["\"/\""] == json!(patterns);
        report.check(&format!("`{user}` may write to {}", patterns[1]), Ok(has_them));
    }
    Ok(())
}

//! Rows F: CloudFormation.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::secret::FIRST;
use crate::stack;
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, contradiction, holds, same, undecided};

/// A secret with its schedule and policy, made by the probe's stack.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn f1(target: &Target) -> Result<Verdict> {
    let arn = target.probe()?.output("StoredRef")?;
    holds(arn.starts_with("arn:"), || "Ref of a secret is no ARN".to_owned())?;
    let described = target.secrets.describe_secret().secret_id(arn).send().await?;
    let rules = described.rotation_rules.and_then(|rules| rules.automatically_after_days);
    same("AutomaticallyAfterDays", &rules, &Some(30))?;
    let policy = target.secrets.get_resource_policy().secret_id(arn).send().await?.resource_policy;
    let is_there = policy.is_some_and(|policy| policy.contains("secretsmanager:DescribeSecret"));
    holds(is_there, || "the policy is not attached to the secret".to_owned())?;
    let steps = target
        .eventually("the test of the schedule", async || {
            let steps = target.probe()?.invocations(arn).await?;
            Ok((!steps.is_empty()).then_some(steps))
        })
        .await?;
    let others: Vec<&str> =
        steps.iter().map(|step| step.step.as_str()).filter(|step| *step != "testSecret").collect();
    same("the steps besides testSecret", &others, &Vec::<&str>::new())?;
    confirmed()
}

/// A broker made by the probe's stack.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn f2(target: &Target) -> Result<Verdict> {
    let probe = target.probe()?;
    let Ok(broker) = probe.output("BrokerRef") else { return undecided("the stack makes no broker") };
    holds(broker.starts_with("b-"), || "Ref of a broker is not its id".to_owned())?;
    holds(probe.output("BrokerConsole")?.starts_with("http"), || {
        "ConsoleURLs is no list of URLs".to_owned()
    })?;
    confirmed()
}

/// A stack without the code of its function.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn f3(target: &Target) -> Result<Verdict> {
    let role = target.probe()?.output("ProbeRoleArn")?;
    let bucket = format!("{}-{}", target.run.prefix(), target.account);
    let template = json!({"Resources": {"WithoutCode": {"Type": "AWS::Lambda::Function", "Properties": {
        "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": role,
        "Code": {"S3Bucket": bucket, "S3Key": "not-there.zip"},
    }}}});
    let name = format!("{}-f3", target.run.prefix());
    match stack::create(target, &name, &template.to_string(), &[]).await {
        Ok(_) => Err(contradiction("the stack was created")),
        Err(error) => {
            let text = format!("{error:#}");
            if !text.contains(&name) || !text.contains("ROLLBACK") && !text.contains("FAILED") {
                return Err(error);
            }
            holds(text.contains("WithoutCode"), || "the stack's events do not name the function".to_owned())?;
            confirmed()
        }
    }
}

/// The policy of a bus.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn f5(target: &Target) -> Result<Verdict> {
    let bus = target.probe()?.output("BusName")?;
    let answer = target.cli()?.call(&["events", "describe-event-bus", "--name", bus]).await?;
    let policy = answer.pointer("/Policy").and_then(Value::as_str).context("the bus has no policy")?;
    let policy: Value = serde_json::from_str(policy)?;
    let statement = policy.pointer("/Statement/0").unwrap_or(&Value::Null);
    same("Sid", statement.pointer("/Sid").unwrap_or(&Value::Null), &json!("OnlyOne"))?;
    same("Effect", statement.pointer("/Effect").unwrap_or(&Value::Null), &json!("Deny"))?;
    same("Action", statement.pointer("/Action").unwrap_or(&Value::Null), &json!("events:PutEvents"))?;
    confirmed()
}

/// A secret whose name is in use.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn f7(target: &Target) -> Result<Verdict> {
    let secret = target.secret("f7").await?;
    let template = json!({"Resources": {"Taken": {"Type": "AWS::SecretsManager::Secret",
        "Properties": {"Name": secret.name, "SecretString": crate::secret::SECOND}}}});
    let name = format!("{}-f7", target.run.prefix());
    match stack::create(target, &name, &template.to_string(), &[]).await {
        Ok(_) => return Err(contradiction("the stack took the name of another secret")),
        Err(error) => {
            let text = format!("{error:#}");
            if !text.contains(&name) || !text.contains("Taken") {
                return Err(error);
            }
        }
    }
    same("the other secret's version", &secret.holder("AWSCURRENT").await?.as_ref(), &Some(&secret.first))?;
    secret.must_hold(FIRST).await?;
    confirmed()
}

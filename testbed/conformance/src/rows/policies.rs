//! Rows I8 to I11: policies of secrets, queues, topics and roles.

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::Client;
use serde_json::{Value, json};

use super::permissions::NEW_ROLE;
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, contradiction, holds, refused, same};

/// A Deny in a secret's policy, and who a session is.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i8(target: &Target) -> Result<Verdict> {
    let (probe, secret) = (target.probe()?, target.secret("i8").await?);
    let owner = probe.output("OwnerArn")?;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": owner}},
    }]});
    let put = target.secrets.put_resource_policy().secret_id(&secret.arn);
    put.resource_policy(policy.to_string()).send().await?;
    let read = async |role: &str| -> Result<_> {
        let session = target.cli()?.session(probe.output(role)?, NEW_ROLE).await?;
        Ok(Client::new(&session).get_secret_value().secret_id(&secret.arn).send().await)
    };
    refused("a read by another role", read("OtherArn").await?, "AccessDeniedException")?;
    read("OwnerArn").await?.context("a read by the role that the policy names")?;
    confirmed()
}

/// Rules, a queue and a topic.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i9(target: &Target) -> Result<Verdict> {
    let probe = target.probe()?;
    probe.put_event(&format!("{}-hop", target.run.prefix()), &json!({})).await?;
    for queue in ["HopsUrl", "HopTopicInboxUrl"] {
        let first =
            target.message(queue, |_| true).await.with_context(|| format!("nothing reached {queue}"))?;
        same("the rule that reached the target", first.pointer("/rule").unwrap_or(&Value::Null), &json!(0))?;
    }
    tokio::time::sleep(target.pace.quiet).await;
    for queue in ["HopsUrl", "HopTopicInboxUrl"] {
        let all = probe.messages(queue, None).await?;
        let is_alone = all.iter().all(|body| body.pointer("/rule") == Some(&json!(0)));
        holds(is_alone, || format!("another rule reached {queue}"))?;
    }
    confirmed()
}

/// Alarms and a topic.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i10(target: &Target) -> Result<Verdict> {
    let named = format!("{}-named", target.run.prefix());
    let set = ["cloudwatch", "set-alarm-state", "--state-value", "ALARM", "--state-reason", "conformance"];
    for name in [&format!("{}-other", target.run.prefix()), &named] {
        target.cli()?.call(&[&set[..], &["--alarm-name", name]].concat()).await?;
    }
    target.message("AlarmInboxUrl", |body| body.pointer("/AlarmName") == Some(&json!(named))).await?;
    tokio::time::sleep(target.pace.quiet).await;
    let all = target.probe()?.messages("AlarmInboxUrl", None).await?;
    let is_alone = all.iter().all(|body| body.pointer("/AlarmName") == Some(&json!(named)));
    holds(is_alone, || "an alarm that the policy does not name reached the topic".to_owned())?;
    confirmed()
}

/// Who may assume a role.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn i11(target: &Target) -> Result<Verdict> {
    let (cli, probe) = (target.cli()?, target.probe()?);
    let other = cli.acting_as(cli.session(probe.output("OtherArn")?, NEW_ROLE).await?);
    other
        .session(probe.output("TrustsTheRoleArn")?, NEW_ROLE)
        .await
        .context("the role that names the caller")?;
    let role = probe.output("TrustsTheAccountArn")?;
    let assume = ["sts", "assume-role", "--role-session-name", "conformance", "--role-arn", role];
    match other.ask(&assume).await? {
        Err(refusal) => same("the role that names the account", refusal.code.as_str(), "AccessDenied")?,
        Ok(_) => {
            return Err(contradiction("a role without sts:AssumeRole assumed a role that names the account"));
        }
    }
    confirmed()
}

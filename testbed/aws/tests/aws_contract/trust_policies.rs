//! Row I11: who may assume a role.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::support::{Shared, cli, shared, unique};

#[tokio::test]
async fn a_role_that_a_trust_policy_names_by_its_arn_needs_no_identity_policy() -> Result<()> {
    let shared = shared().await?;
    let root = format!("arn:aws:iam::{}:root", shared.aws.account());
    let caller = role(shared, "caller", &root).await?;
    let stranger = role(shared, "stranger", &root).await?;
    let named = role(shared, "named", &caller).await?;
    let of_account = role(shared, "of-account", &root).await?;
    let session = assume(shared, &[], &caller).await?;
    assume(shared, &session, &named).await?;
    for (caller, target) in [(&caller, &of_account), (&stranger, &named)] {
        let session = assume(shared, &[], caller).await?;
        let refused = assume(shared, &session, target).await.err().context("the role was assumed")?;
        assert!(format!("{refused:#}").contains("AccessDenied"), "{refused:#}");
    }
    Ok(())
}

/// A new role without any permission, which trusts `principal`. Returns its ARN.
async fn role(shared: &'static Shared, prefix: &str, principal: &str) -> Result<String> {
    let name = unique(prefix).replace('/', "-");
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    let trust = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let create = ["iam", "create-role", "--role-name", &name, "--assume-role-policy-document", &trust];
    let made = cli(shared, &create).await?;
    made["Role"]["Arn"].as_str().map(str::to_owned).context("no ARN")
}

/// The credentials of a session of `role`, assumed with the credentials `as_whom`, or as the account's root.
async fn assume(shared: &'static Shared, as_whom: &[String], role: &str) -> Result<Vec<String>> {
    let mut command = shared.aws.cli();
    for (variable, value) in
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].iter().zip(as_whom)
    {
        command.env(variable, value);
    }
    command.args(["sts", "assume-role", "--role-session-name", "session", "--role-arn", role]);
    command.args(["--output", "json"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let fields = ["AccessKeyId", "SecretAccessKey", "SessionToken"];
    let text = |field: &str| answer["Credentials"][field].as_str().map(str::to_owned);
    fields.into_iter().map(text).collect::<Option<_>>().context("no credentials")
}

//! Rows I: permissions.

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;
use serde_json::{Value, json};

use crate::support::{Secret, Shared, assert_refused, cli, shared, steps, unique};

#[tokio::test]
async fn the_function_must_allow_secrets_manager_of_this_account() -> Result<()> {
    let secret = Secret::new().await?;
    for output in ["WithoutPermissionArn", "ForAnotherAccountArn"] {
        let function = secret.shared.stack.output(output)?;
        let rotate = secret.client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
        assert_refused(rotate.send().await, "AccessDeniedException")?;
    }
    let without = secret.client.rotate_secret().secret_id(&secret.arn).send().await;
    assert_refused(without, "InvalidRequestException")?;
    let description = secret.client.describe_secret().secret_id(&secret.arn).send().await?;
    assert_eq!(description.rotation_enabled, Some(false));
    Ok(())
}

#[tokio::test]
async fn a_role_limited_by_tag_touches_no_secret_without_that_tag() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    secret.client.untag_resource().secret_id(&secret.arn).tag_keys("probe").send().await?;
    let rotation = secret.rotate_and_wait().await?;
    assert_eq!(steps(&rotation), [["createSecret failed"]]);
    assert!(format!("{rotation:?}").contains("AccessDenied"), "{rotation:?}");

    let tag = Tag::builder().key("probe").value("allowed").build();
    secret.client.tag_resource().secret_id(&secret.arn).tags(tag).send().await?;
    secret.shared.aws.resume_rotation(&secret.arn, aws::Token::Same).await?;
    assert_eq!(secret.wait(&rotation.version_id).await?.outcome, "succeeded");
    Ok(())
}

#[tokio::test]
async fn the_services_own_tag_key_limits_a_role_too() -> Result<()> {
    let reader = Secret::new().await?;
    let secret = Secret::named("service-tag").await?;
    assert_eq!(read_by_probe(&reader, &secret.arn).await?, None);
    secret.client.untag_resource().secret_id(&secret.arn).tag_keys("probe").send().await?;
    let denied = read_by_probe(&reader, &secret.arn).await?.context("the read was allowed")?;
    assert!(denied.contains("AccessDenied"), "{denied}");
    Ok(())
}

#[tokio::test]
async fn a_secret_under_a_customers_key_needs_the_permission_to_decrypt() -> Result<()> {
    let reader = Secret::new().await?;
    let mut answers = Vec::new();
    for key in ["AllowedKeyArn", "OtherKeyArn"] {
        let key = reader.shared.stack.output(key)?;
        let create =
            reader.client.create_secret().name(unique("encrypted")).secret_string("x").kms_key_id(key);
        let arn = create.send().await?.arn.context("no ARN")?;
        answers.push(read_by_probe(&reader, &arn).await?);
    }
    assert_eq!(answers.first(), Some(&None), "kms:ViaService and the encryption context are there");
    let denied = answers.pop().flatten().context("the read was allowed")?;
    assert!(denied.contains("AccessDenied") && denied.contains("kms:Decrypt"), "{denied}");
    Ok(())
}

#[tokio::test]
async fn the_caller_of_a_rotation_needs_the_permission_to_invoke_the_function() -> Result<()> {
    let secret = Secret::new().await?;
    secret.script_success()?;
    let shared = shared().await?;
    let function = shared.stack.output("ProbeArn")?;
    let user = unique("rotator").replace('/', "-");
    let client = Client::new(&new_user(shared, &user).await?);
    let rotate = || client.rotate_secret().secret_id(&secret.arn).rotation_lambda_arn(function);
    for (actions, allowed) in [
        (&["secretsmanager:RotateSecret"][..], false),
        (&["secretsmanager:RotateSecret", "lambda:InvokeFunction"][..], true),
    ] {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
        put_policy(shared, &user, &statement).await?;
        if allowed {
            let version = rotate().send().await?.version_id.context("no version")?;
            assert_eq!(secret.wait(&version).await?.outcome, "succeeded");
        } else {
            assert_refused(rotate().send().await, "AccessDeniedException")?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_role_limited_by_event_source_puts_no_other_event() -> Result<()> {
    let shared = shared().await?;
    let user = unique("sender").replace('/', "-");
    let client = aws_sdk_eventbridge::Client::new(&new_user(shared, &user).await?);
    let condition = json!({
        "ForAllValues:StringEquals": {"events:source": "ours"}, "Null": {"events:source": "false"},
    });
    let statement =
        json!({"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*", "Condition": condition});
    put_policy(shared, &user, &statement).await?;
    let entry = |source: &str| {
        let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder();
        entry.source(source).detail_type("t").detail("{}").build()
    };
    client.put_events().entries(entry("ours")).send().await?;
    assert_refused(client.put_events().entries(entry("theirs")).send().await, "AccessDeniedException")?;
    let both = client.put_events().entries(entry("ours")).entries(entry("theirs"));
    assert_refused(both.send().await, "AccessDeniedException").map(drop)
}

#[tokio::test]
async fn a_permission_on_one_rule_or_schedule_allows_no_call_for_another() -> Result<()> {
    let shared = shared().await?;
    let (ours, theirs) = (unique("ours").replace('/', "-"), unique("theirs").replace('/', "-"));
    let target =
        r#"{"Arn":"arn:aws:sqs:us-east-1:000000000000:q","RoleArn":"arn:aws:iam::000000000000:role/r"}"#;
    for name in [&ours, &theirs] {
        let pattern = ["--event-pattern", r#"{"source":["x"]}"#];
        cli(shared, &[&["events", "put-rule", "--name", name], &pattern[..]].concat()).await?;
        cli(shared, &["scheduler", "create-schedule-group", "--name", name]).await?;
        let create = ["scheduler", "create-schedule", "--group-name", name, "--name", "s"];
        let when = ["--schedule-expression", "rate(1 day)", "--flexible-time-window", r#"{"Mode":"OFF"}"#];
        cli(shared, &[&create[..], &when, &["--target", target]].concat()).await?;
    }
    let user = unique("looker").replace('/', "-");
    let (id, secret) = new_key(shared, &user).await?;
    let arn = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:000000000000:{resource}");
    let resources = [arn("events", &format!("rule/{ours}")), arn("scheduler", &format!("schedule/{ours}/*"))];
    let actions = ["events:DescribeRule", "events:ListTargetsByRule", "scheduler:GetSchedule"];
    put_policy(shared, &user, &json!({"Effect": "Allow", "Action": actions, "Resource": resources})).await?;

    let events = aws_sdk_eventbridge::Client::new(&shared.aws.sdk_config_as(&id, &secret, None).await);
    events.describe_rule().name(&ours).send().await?;
    events.list_targets_by_rule().rule(&ours).send().await?;
    assert_refused(events.describe_rule().name(&theirs).send().await, "AccessDeniedException")?;
    assert_refused(events.list_targets_by_rule().rule(&theirs).send().await, "AccessDeniedException")?;
    let get = async |group: &str| {
        let mut command = shared.aws.cli();
        command.env("AWS_ACCESS_KEY_ID", &id).env("AWS_SECRET_ACCESS_KEY", &secret);
        command.args(["scheduler", "get-schedule", "--group-name", group, "--name", "s"]);
        anyhow::Ok(tokio::task::spawn_blocking(move || command.output()).await??.status.success())
    };
    assert!(get(&ours).await? && !get(&theirs).await?);
    Ok(())
}

/// Configuration of a new IAM user without any permission.
async fn new_user(shared: &'static Shared, user: &str) -> Result<aws_config::SdkConfig> {
    let (id, secret) = new_key(shared, user).await?;
    Ok(shared.aws.sdk_config_as(&id, &secret, None).await)
}

/// Access key of a new IAM user without any permission.
async fn new_key(shared: &'static Shared, user: &str) -> Result<(String, String)> {
    cli(shared, &["iam", "create-user", "--user-name", user]).await?;
    let key = cli(shared, &["iam", "create-access-key", "--user-name", user]).await?;
    let text = |name: &str| {
        let found = key.pointer(&format!("/AccessKey/{name}")).and_then(Value::as_str);
        found.map(str::to_owned).context("no key")
    };
    Ok((text("AccessKeyId")?, text("SecretAccessKey")?))
}

/// Grants the user this one permission.
async fn put_policy(shared: &'static Shared, user: &str, statement: &Value) -> Result<()> {
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let put = ["iam", "put-user-policy", "--user-name", user, "--policy-name", "p"];
    cli(shared, &[&put[..], &["--policy-document", &policy]].concat()).await.map(drop)
}

/// Makes the probe read `arn` with its own role. Returns the error if the read is denied.
async fn read_by_probe(reader: &Secret, arn: &str) -> Result<Option<String>> {
    reader.script(&json!({"setSecret": [{"do": "read", "secret": arn}]}))?;
    let version = match reader.shared.aws.rotation(&reader.arn).await? {
        Some(earlier) => earlier.version_id,
        None => reader.rotate_and_wait().await?.version_id,
    };
    Ok(reader.shared.aws.invoke_step(&reader.arn, &version, "setSecret").await?.error_message)
}

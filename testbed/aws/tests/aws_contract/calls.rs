//! Rows B: CloudTrail's events of calls.

use anyhow::{Context as _, Result, ensure};
use aws::RotationOptions;
use aws_sdk_secretsmanager::Client;
use serde_json::{Value, json};

use crate::asynchronous::bodies;
use crate::support::{Shared, assert_refused, cli, eventually, folder_of_a_test, shared, unique};

/// Switches the events of this secret or key on.
async fn trace(shared: &Shared, name: &str, options: RotationOptions) -> Result<()> {
    let options = RotationOptions { api_events: Some(true), ..options };
    shared.aws.set_rotation_options(Some(name), &options).await
}

/// A traced secret: its name and its ARN.
async fn traced(shared: &Shared) -> Result<(String, String)> {
    let name = unique("traced");
    trace(shared, &name, RotationOptions::default()).await?;
    let client = Client::new(&shared.aws.sdk_config().await);
    let arn = client.create_secret().name(&name).secret_string("hidden").send().await?.arn;
    Ok((name, arn.context("no ARN")?))
}

/// The first event of that operation which mentions `about`, in the queue of the stack.
async fn event(shared: &'static Shared, queue: &str, operation: &str, about: &str) -> Result<Value> {
    let is_it =
        |event: &Value| event["detail"]["eventName"] == operation && event.to_string().contains(about);
    eventually(operation, async || Ok(bodies(shared, queue).await?.into_iter().find(is_it))).await
}

#[tokio::test]
async fn a_read_of_a_value_is_an_event_for_a_rule_that_receives_all_management_events() -> Result<()> {
    let shared = shared().await?;
    let (name, arn) = traced(shared).await?;
    let client = Client::new(&shared.aws.sdk_config().await);
    client.get_secret_value().secret_id(&arn).send().await?;
    let read = event(shared, "CallsUrl", "GetSecretValue", &arn).await?;
    ensure!(read["detail"]["readOnly"] == true && read["detail"]["responseElements"].is_null(), "{read}");
    ensure!(!read.to_string().contains("hidden"), "a value: {read}");
    client.delete_secret().secret_id(&arn).send().await?;
    event(shared, "CallsUrl", "DeleteSecret", &arn).await?;
    // The other rule has received what came after the read, and not the read.
    event(shared, "ServiceEventsUrl", "DeleteSecret", &arn).await?;
    let others = bodies(shared, "ServiceEventsUrl").await?;
    let is_read = |event: &Value| event["detail"]["eventName"] == "GetSecretValue";
    ensure!(!others.iter().any(|event| is_read(event) && event.to_string().contains(&name)), "{others:?}");
    Ok(())
}

#[tokio::test]
async fn the_event_of_a_call_says_who_made_it_and_from_where() -> Result<()> {
    let shared = shared().await?;
    let (name, arn) = traced(shared).await?;
    let config = shared.aws.sdk_config().await;
    Client::new(&config).get_secret_value().secret_id(&arn).send().await?;
    let by_root = event(shared, "CallsUrl", "GetSecretValue", &arn).await?;
    let account = shared.aws.account();
    let root = format!("arn:aws:iam::{account}:root");
    ensure!(by_root["detail"]["userIdentity"]["arn"] == root.as_str(), "{by_root}");
    ensure!(by_root["detail"]["userIdentity"]["sessionContext"].is_null(), "{by_root}");

    let elsewhere = RotationOptions {
        call_address: Some("198.51.100.7".to_owned()),
        call_endpoint: Some("vpce-1".to_owned()),
        ..RotationOptions::default()
    };
    trace(shared, &name, elsewhere).await?;
    let (client, role) = as_a_role(shared, &name, "Allow").await?;
    client.get_secret_value().secret_id(&name).send().await?;
    let by_role = event(shared, "CallsUrl", "GetSecretValue", &role).await?;
    let detail = &by_role["detail"];
    ensure!(detail["userIdentity"]["type"] == "AssumedRole", "{by_role}");
    ensure!(detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role.as_str(), "{by_role}");
    ensure!(detail["sourceIPAddress"] == "198.51.100.7" && detail["vpcEndpointId"] == "vpce-1", "{by_role}");
    ensure!(detail["requestParameters"] == json!({"secretId": name}), "{by_role}");
    Ok(())
}

#[tokio::test]
async fn a_denied_call_is_an_event_with_its_code() -> Result<()> {
    let shared = shared().await?;
    let (name, _) = traced(shared).await?;
    let (client, role) = as_a_role(shared, &name, "Deny").await?;
    let denied = client.get_secret_value().secret_id(&name).send().await;
    assert_refused(denied, "AccessDeniedException")?;
    let event = event(shared, "CallsUrl", "GetSecretValue", &role).await?;
    ensure!(event["detail"]["errorCode"] == "AccessDenied", "{event}");
    ensure!(event["detail"]["requestParameters"]["secretId"] == name.as_str(), "{event}");
    Ok(())
}

#[tokio::test]
async fn a_batch_of_reads_is_an_event_for_each_secret() -> Result<()> {
    let shared = shared().await?;
    let ((_, one), (_, other)) = (traced(shared).await?, traced(shared).await?);
    let client = Client::new(&shared.aws.sdk_config().await);
    client.batch_get_secret_value().secret_id_list(&one).secret_id_list(&other).send().await?;
    let batch = event(shared, "CallsUrl", "BatchGetSecretValue", &one).await?;
    ensure!(batch["detail"]["requestParameters"]["secretIdList"] == json!([one, other]), "{batch}");
    for arn in [one, other] {
        event(shared, "CallsUrl", "GetSecretValue", &arn).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_change_of_a_key_is_an_event_with_its_arn() -> Result<()> {
    let shared = shared().await?;
    let created = cli(shared, &["kms", "create-key"]).await?;
    let arn = created["KeyMetadata"]["Arn"].as_str().context("no ARN")?;
    trace(shared, arn, RotationOptions::default()).await?;
    cli(shared, &["kms", "disable-key", "--key-id", arn]).await?;
    cli(shared, &["kms", "schedule-key-deletion", "--key-id", arn, "--pending-window-in-days", "7"]).await?;
    for operation in ["DisableKey", "ScheduleKeyDeletion"] {
        let event = event(shared, "CallsUrl", operation, arn).await?;
        ensure!(event["source"] == "aws.kms" && event["detail"]["resources"][0]["ARN"] == arn, "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn a_call_of_cloudformation_names_the_service() -> Result<()> {
    let shared = shared().await?;
    let name = unique("by-stack");
    trace(shared, &name, RotationOptions::default()).await?;
    let template = json!({"Resources": {"Secret": {
        "Type": "AWS::SecretsManager::Secret", "Properties": {"Name": name, "SecretString": "hidden"},
    }, "Policy": {
        "Type": "AWS::SecretsManager::ResourcePolicy",
        "Properties": {"SecretId": {"Ref": "Secret"}, "ResourcePolicy": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*",
        }]}},
    }}});
    deploy(shared, "by-stack", &template).await?;
    let event = event(shared, "CallsUrl", "PutResourcePolicy", &name).await?;
    let service = "cloudformation.amazonaws.com";
    ensure!(event["detail"]["userIdentity"]["invokedBy"] == service, "{event}");
    ensure!(event["detail"]["sourceIPAddress"] == service, "{event}");
    Ok(())
}

#[tokio::test]
async fn a_pattern_that_is_too_long_fails_the_stack() -> Result<()> {
    let shared = shared().await?;
    let rule = |length: usize| {
        let pattern = json!({"source": ["x".repeat(length)]});
        json!({"Resources": {"Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern}}}})
    };
    // The pattern has 15 characters more.
    deploy(shared, "longest-pattern", &rule(2_048 - 15)).await?;
    ensure!(deploy(shared, "too-long-pattern", &rule(2_048 - 14)).await.is_err(), "it was taken");
    Ok(())
}

async fn deploy(shared: &Shared, stack: &str, template: &Value) -> Result<()> {
    let folder = folder_of_a_test(stack);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("template.json");
    std::fs::write(&path, template.to_string())?;
    shared.aws.deploy(stack, &path, &[], &[]).await.map(drop)
}

/// A client with a session of a new role that may or may not read that secret, and the role's ARN.
async fn as_a_role(shared: &'static Shared, secret: &str, effect: &str) -> Result<(Client, String)> {
    let role = unique("role").replace('/', "-");
    let account = shared.aws.account();
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
    }]})
    .to_string();
    let create = ["iam", "create-role", "--role-name", &role, "--assume-role-policy-document", &trust];
    let created = cli(shared, &create).await?;
    let arn = created["Role"]["Arn"].as_str().context("no ARN")?.to_owned();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": effect, "Action": "secretsmanager:GetSecretValue", "Resource": format!("arn:aws:secretsmanager:*:*:secret:{secret}-*"),
    }]})
    .to_string();
    let put = ["iam", "put-role-policy", "--role-name", &role, "--policy-name", "read", "--policy-document"];
    cli(shared, &[&put[..], &[&policy]].concat()).await?;
    let assume = ["sts", "assume-role", "--role-arn", &arn, "--role-session-name", "ada"];
    let session = cli(shared, &assume).await?;
    let text = |field: &str| session["Credentials"][field].as_str().context("no credentials");
    let config = shared
        .aws
        .sdk_config_as(text("AccessKeyId")?, text("SecretAccessKey")?, Some(text("SessionToken")?))
        .await;
    Ok((Client::new(&config), arn))
}

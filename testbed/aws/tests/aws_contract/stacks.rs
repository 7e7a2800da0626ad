//! Rows F: CloudFormation.

use anyhow::{Context as _, Result};
use aws::Artifact;
use serde_json::{Value, json};

use crate::support::{LIMIT, Secret, cli, shared, template, unique};

#[tokio::test]
async fn a_stack_makes_a_secret_with_schedule_and_policy_and_names_it_by_arn() -> Result<()> {
    let shared = shared().await?;
    let arn = shared.stack.output("StoredRef")?;
    assert!(arn.starts_with("arn:aws:secretsmanager:"), "{arn}");
    let tested = shared.aws.wait_for_rotation(arn, None, LIMIT).await?;
    assert!(tested.test_only, "RotateImmediatelyOnUpdate is false");
    let described = cli(shared, &["secretsmanager", "describe-secret", "--secret-id", arn]).await?;
    assert_eq!(described["RotationEnabled"], json!(true));
    assert_eq!(described["RotationRules"], json!({"AutomaticallyAfterDays": 30}));
    let policy = cli(shared, &["secretsmanager", "get-resource-policy", "--secret-id", arn]).await?;
    assert!(policy["ResourcePolicy"].to_string().contains("secretsmanager:DeleteSecret"), "{policy}");
    Ok(())
}

#[tokio::test]
async fn a_stack_makes_a_bus_with_a_policy() -> Result<()> {
    let shared = shared().await?;
    let bus = shared.stack.output("BusName")?;
    let described = cli(shared, &["events", "describe-event-bus", "--name", bus]).await?;
    let policy = described["Policy"].as_str().context("no policy")?;
    assert!(policy.contains("OnlyOne") && policy.contains("Deny"), "{policy}");
    Ok(())
}

#[tokio::test]
async fn a_stack_makes_a_broker_and_answers_its_endpoints() -> Result<()> {
    let shared = shared().await?;
    let id = shared.stack.output("BrokerRef")?;
    let described = cli(shared, &["mq", "describe-broker", "--broker-id", id]).await?;
    let console = described.pointer("/BrokerInstances/0/ConsoleURL").context("no console")?;
    assert_eq!(console, shared.stack.output("BrokerConsole")?);
    Ok(())
}

#[tokio::test]
async fn a_stack_whose_code_is_missing_fails_and_says_so() -> Result<()> {
    let shared = shared().await?;
    let probe = shared.probe_folder.to_str().context("the folder's name is no text")?;
    let artifact = Artifact::new("probe-function", shared.probe_folder.join("nothing-here"));
    let contract = template("contract.yaml");
    let failed = shared.aws.deploy("no-code", &contract, &[("ProbeFolder", probe)], &[artifact]).await;
    let message = format!("{:#}", failed.err().context("it was deployed")?);
    assert!(message.contains("nothing-here") && message.contains("bootstrap"), "{message}");

    let missing = json!({"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": {
        "Role": format!("arn:aws:iam::{}:role/none", shared.aws.account()),
        "Runtime": "provided.al2023", "Handler": "bootstrap",
        "Code": {"S3Bucket": "testbed-artifacts", "S3Key": "no-such-key"},
    }}}});
    let path = shared.probe_folder.join("missing-code.yaml");
    std::fs::write(&path, missing.to_string())?;
    let failed = shared.aws.deploy("missing-code", &path, &[], &[]).await;
    let message = format!("{:#}", failed.err().context("it was deployed")?);
    assert!(message.contains("not found in S3"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_dashboard_a_topic_policy_and_a_schedule_that_aws_refuses_fail_the_stack() -> Result<()> {
    let shared = shared().await?;
    let deploy = async |name: &str, properties: Value, kind: &str| {
        let path = shared.probe_folder.join(format!("{name}.yaml"));
        let template = json!({"Resources": {"Refused": {"Type": kind, "Properties": properties}}});
        std::fs::write(&path, template.to_string())?;
        shared.aws.deploy(name, &path, &[], &[]).await.map(drop)
    };
    let refused = async |name: &str, properties: Value, kind: &str, words: &str| -> Result<()> {
        let message = format!("{:#}", deploy(name, properties, kind).await.err().context("it was deployed")?);
        assert!(message.contains(words), "{message}");
        Ok(())
    };
    let dashboard = |body: &str| json!({"DashboardName": "refused", "DashboardBody": body});
    let kind = "AWS::CloudWatch::Dashboard";
    refused("no-dashboard", dashboard("{\"widgets\": [\"\"x\"\"]}"), kind, "valid JSON").await?;
    deploy("dashboard", dashboard("{\"widgets\": []}"), kind).await?;

    let topic = "arn:aws:sns:us-east-1:000000000000:refused";
    let policy = |resource: Value| {
        let statement =
            json!({"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": resource});
        json!({"Topics": [topic], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}})
    };
    let several = policy(json!([topic, "arn:aws:sns:us-east-1:000000000000:other"]));
    refused("no-policy", several, "AWS::SNS::TopicPolicy", "single resource").await?;

    let schedule = |group: &str| {
        json!({
            "Name": "moved", "GroupName": group, "ScheduleExpression": "rate(1 hour)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": shared.stack.output("ProbeArn").unwrap_or_default(), "RoleArn": "arn:aws:iam::000000000000:role/r"},
        })
    };
    let kind = "AWS::Scheduler::Schedule";
    deploy("moved-schedule", schedule("default"), kind).await?;
    refused("moved-schedule", schedule("other"), kind, "NotFound").await
}

#[tokio::test]
async fn a_secret_whose_name_is_in_use_fails_the_stack_and_the_other_one_stays() -> Result<()> {
    let secret = Secret::new().await?;
    let described = secret.client.describe_secret().secret_id(&secret.arn).send().await?;
    let taken = described.name.context("no name")?;
    let path = secret.shared.probe_folder.join("taken-name.yaml");
    let deploy = async |name: &str| {
        let properties = json!({"Name": name, "SecretString": "x"});
        let one = json!({"Type": "AWS::SecretsManager::Secret", "Properties": properties});
        std::fs::write(&path, json!({"Resources": {"One": one}}).to_string())?;
        secret.shared.aws.deploy("taken-name", &path, &[], &[]).await.map(drop)
    };
    let refused = async || -> Result<()> {
        let message = format!("{:#}", deploy(&taken).await.err().context("it was deployed")?);
        assert!(message.contains("already exists"), "{message}");
        assert_eq!(secret.value().await?, "first");
        Ok(())
    };
    refused().await?;
    secret.shared.aws.delete_stack("taken-name").await?;
    assert_eq!(secret.value().await?, "first");
    // The name changes.
    deploy(&unique("free")).await?;
    refused().await
}

#[tokio::test]
async fn a_stack_makes_changes_and_removes_an_access_entry() -> Result<()> {
    let shared = shared().await?;
    shared.aws.put_cluster("from-stack", "https://localhost:41572", "PEM").await?;
    let role = shared.stack.output("DeliveryArn")?;
    let path = shared.probe_folder.join("access-entry.yaml");
    for groups in [Some("first"), Some("second"), None] {
        let entry = json!({"Type": "AWS::EKS::AccessEntry", "Properties": {
            "ClusterName": "from-stack", "PrincipalArn": role, "Username": "delivery",
            "KubernetesGroups": [groups],
        }});
        let mut resources = json!({"Topic": {"Type": "AWS::SNS::Topic"}});
        if groups.is_some() {
            resources["Entry"] = entry;
        }
        std::fs::write(&path, json!({"Resources": resources}).to_string())?;
        shared.aws.deploy("access-entry", &path, &[], &[]).await?;
        let expected = groups.map(|group| json!({"username": "delivery", "kubernetesGroups": [group]}));
        assert_eq!(shared.aws.access_entry("from-stack", role).await?, expected);
    }
    Ok(())
}

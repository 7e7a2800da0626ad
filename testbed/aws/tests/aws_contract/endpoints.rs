//! Rows E: brokers and clusters with the testbed's own endpoints.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws::{BrokerEngine, BrokerState};
use aws_config::retry::RetryConfig;
use aws_sdk_mq::error::ProvideErrorMetadata as _;
use serde_json::json;

use crate::support::{cli, shared};

const CONSOLE: &str = "https://localhost:41567";
const AMQPS: &str = "amqps://localhost:41568";

#[tokio::test]
async fn a_broker_answers_its_endpoints_engine_and_state() -> Result<()> {
    let shared = shared().await?;
    let id = shared.aws.create_broker("described", CONSOLE, AMQPS).await?;
    assert!(id.starts_with("b-"), "{id}");
    let described = cli(shared, &["mq", "describe-broker", "--broker-id", &id]).await?;
    assert_eq!(described["BrokerState"], json!("RUNNING"));
    assert_eq!(described["EngineType"], json!("RABBITMQ"));
    assert_eq!(described.pointer("/BrokerInstances/0/ConsoleURL"), Some(&json!(CONSOLE)));
    assert_eq!(described.pointer("/BrokerInstances/0/Endpoints"), Some(&json!([AMQPS])));

    let (engine, state) = (BrokerEngine::ActiveMq, BrokerState::CreationInProgress);
    assert_eq!(
        shared.aws.put_broker("described", CONSOLE, AMQPS, engine, state).await?,
        id,
        "changed in place"
    );
    let described = cli(shared, &["mq", "describe-broker", "--broker-id", &id]).await?;
    assert_eq!(described["BrokerState"], json!("CREATION_IN_PROGRESS"));
    assert_eq!(described["EngineType"], json!("ACTIVEMQ"));
    assert_eq!(described.get("BrokerInstances"), Some(&json!([])), "no endpoints before it runs");
    Ok(())
}

#[tokio::test]
async fn amazon_mq_refuses_more_calls_than_its_bucket_holds() -> Result<()> {
    let shared = shared().await?;
    let id = shared.aws.create_broker("asked-often", CONSOLE, AMQPS).await?;
    let config = shared.aws.sdk_config().await.into_builder().retry_config(RetryConfig::disabled()).build();
    let client = aws_sdk_mq::Client::new(&config);
    let ask = || client.describe_broker().broker_id(&id).send();
    let mut refused = 0;
    // The limits that an incident can reach: a burst of a hundred calls, then fifteen a second.
    for _ in 0..5 {
        let answers = futures_util::future::join_all((0..100).map(|_| ask())).await;
        refused += answers.iter().filter(|answer| answer.is_err()).count();
        for error in answers.into_iter().filter_map(Result::err) {
            assert_eq!(error.code(), Some("TooManyRequestsException"), "{error:?}");
        }
    }
    assert!(refused > 0, "500 calls were answered");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(ask().await.is_ok(), "the bucket fills again");
    Ok(())
}

#[tokio::test]
async fn a_cluster_answers_its_endpoint_and_certificate() -> Result<()> {
    let shared = shared().await?;
    shared.aws.put_cluster("described", "https://localhost:41569", "PEM").await?;
    let described = cli(shared, &["eks", "describe-cluster", "--name", "described"]).await?;
    assert_eq!(described.pointer("/cluster/endpoint"), Some(&json!("https://localhost:41569")));
    assert_eq!(described.pointer("/cluster/certificateAuthority/data"), Some(&json!("UEVN")));
    assert_eq!(described.pointer("/cluster/status"), Some(&json!("ACTIVE")));
    Ok(())
}

#[tokio::test]
async fn an_access_entry_says_who_a_principal_is_in_a_cluster() -> Result<()> {
    let shared = shared().await?;
    shared.aws.put_cluster("entered", "https://localhost:41570", "PEM").await?;
    let role = shared.stack.output("DeliveryArn")?;
    let (_, name) = role.rsplit_once("/deliveries/").context("no path")?;
    let account = shared.aws.account();
    // The form in a session's ARN.
    let without_path = format!("arn:aws:iam::{account}:role/{name}");
    assert_eq!(shared.aws.access_entry("entered", role).await?, None);
    let create = ["eks", "create-access-entry", "--cluster-name", "entered", "--principal-arn"];
    cli(shared, &[&create[..], &[role, "--kubernetes-groups", "deliverers"]].concat()).await?;
    let username = format!("arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}");
    let expected = json!({"username": username, "kubernetesGroups": ["deliverers"]});
    for principal in [role, &without_path] {
        assert_eq!(shared.aws.access_entry("entered", principal).await?, Some(expected.clone()));
    }
    assert_eq!(shared.aws.access_entry("described", role).await?, None, "another cluster");

    let user = format!("arn:aws:iam::{account}:user/someone");
    cli(shared, &[&create[..], &[&user]].concat()).await?;
    let expected = json!({"username": user, "kubernetesGroups": []});
    assert_eq!(shared.aws.access_entry("entered", &user).await?, Some(expected));
    Ok(())
}

#[tokio::test]
async fn a_cluster_answers_the_issuer_of_its_service_accounts() -> Result<()> {
    let shared = shared().await?;
    shared.aws.put_cluster("issuing", "https://localhost:41571", "PEM").await?;
    let issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/ISSUING";
    shared.aws.put_cluster_issuer("issuing", issuer, &json!({"keys": []})).await?;
    let described = cli(shared, &["eks", "describe-cluster", "--name", "issuing"]).await?;
    assert_eq!(described.pointer("/cluster/identity/oidc/issuer"), Some(&json!(issuer)));
    let providers = cli(shared, &["iam", "list-open-id-connect-providers"]).await?;
    assert!(providers.to_string().contains("oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ISSUING"));
    Ok(())
}

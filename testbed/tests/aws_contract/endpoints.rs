//! Rows E: brokers and clusters that answer with the testbed's own endpoints.

use anyhow::Result;
use serde_json::json;
use testbed::aws::{BrokerEngine, BrokerState};

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
async fn a_cluster_answers_its_endpoint_and_certificate() -> Result<()> {
    let shared = shared().await?;
    shared.aws.put_cluster("described", "https://localhost:41569", "PEM").await?;
    let described = cli(shared, &["eks", "describe-cluster", "--name", "described"]).await?;
    assert_eq!(described.pointer("/cluster/endpoint"), Some(&json!("https://localhost:41569")));
    assert_eq!(described.pointer("/cluster/certificateAuthority/data"), Some(&json!("UEVN")));
    assert_eq!(described.pointer("/cluster/status"), Some(&json!("ACTIVE")));
    Ok(())
}

//! Brokers and clusters with the testbed's own endpoints.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Aws, control};

const LIMIT: Duration = Duration::from_secs(10);

/// The engine of a broker in Amazon MQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerEngine {
    /// `RABBITMQ`
    RabbitMq,
    /// `ACTIVEMQ`
    ActiveMq,
}

/// The state of a broker in Amazon MQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerState {
    /// `RUNNING`
    Running,
    /// `CREATION_IN_PROGRESS`: the broker has no endpoints yet.
    CreationInProgress,
    /// `CREATION_FAILED`
    CreationFailed,
    /// `DELETION_IN_PROGRESS`
    DeletionInProgress,
    /// `CRITICAL_ACTION_REQUIRED`: the broker runs with the fault `RABBITMQ_MEMORY_ALARM`.
    CriticalActionRequired,
    /// `REBOOT_IN_PROGRESS`
    RebootInProgress,
}

impl Aws {
    /// Creates a running RabbitMQ broker in Amazon MQ with these endpoints. Returns its id.
    ///
    /// # Errors
    /// When the name is not one that Amazon MQ takes.
    pub async fn create_broker(&self, name: &str, console_url: &str, amqps_endpoint: &str) -> Result<String> {
        self.put_broker(name, console_url, amqps_endpoint, BrokerEngine::RabbitMq, BrokerState::Running).await
    }

    /// As [`Aws::create_broker`], in another account. Amazon MQ describes it only to callers in that account.
    ///
    /// # Errors
    /// When the name is not one that Amazon MQ takes.
    pub async fn create_broker_in(
        &self,
        account: &str,
        name: &str,
        console_url: &str,
        amqps_endpoint: &str,
    ) -> Result<String> {
        let wanted = json!({
            "account": account, "name": name, "consoleUrl": console_url, "amqpsEndpoint": amqps_endpoint,
            "engineType": "RABBITMQ", "state": "RUNNING",
        });
        self.broker_id(&wanted).await
    }

    /// Creates the broker `name`, or changes it if it exists. Returns its id.
    ///
    /// # Errors
    /// When the name is not one that Amazon MQ takes.
    pub async fn put_broker(
        &self,
        name: &str,
        console_url: &str,
        amqps_endpoint: &str,
        engine: BrokerEngine,
        state: BrokerState,
    ) -> Result<String> {
        let engine = match engine {
            BrokerEngine::RabbitMq => "RABBITMQ",
            BrokerEngine::ActiveMq => "ACTIVEMQ",
        };
        let actions: &[&str] =
            if state == BrokerState::CriticalActionRequired { &["RABBITMQ_MEMORY_ALARM"] } else { &[] };
        let state = match state {
            BrokerState::Running => "RUNNING",
            BrokerState::CreationInProgress => "CREATION_IN_PROGRESS",
            BrokerState::CreationFailed => "CREATION_FAILED",
            BrokerState::DeletionInProgress => "DELETION_IN_PROGRESS",
            BrokerState::CriticalActionRequired => "CRITICAL_ACTION_REQUIRED",
            BrokerState::RebootInProgress => "REBOOT_IN_PROGRESS",
        };
        let wanted = json!({
            "name": name, "consoleUrl": console_url, "amqpsEndpoint": amqps_endpoint, "engineType": engine, "state": state,
            "actions": actions,
        });
        self.broker_id(&wanted).await
    }

    async fn broker_id(&self, wanted: &Value) -> Result<String> {
        let answer = self.post("broker", wanted).await?;
        let id = answer.get("brokerId").and_then(Value::as_str);
        id.map(str::to_owned).context("the emulator returned no broker id")
    }

    /// Creates the EKS cluster `name` with that endpoint and CA certificate (PEM), or changes it if it exists.
    /// Returns its ARN.
    ///
    /// # Errors
    /// When the emulator refuses it.
    pub async fn put_cluster(&self, name: &str, endpoint: &str, ca_pem: &str) -> Result<String> {
        let wanted = json!({"name": name, "endpoint": endpoint, "certificateAuthority": ca_pem});
        let answer = self.post("cluster", &wanted).await?;
        let arn = answer.get("arn").and_then(Value::as_str);
        arn.map(str::to_owned).context("the emulator returned no cluster ARN")
    }

    /// Sets the issuer of the cluster's service accounts and its public `keys` (a JWKS). Also creates its identity
    /// provider in IAM for the audience `sts.amazonaws.com`, as `eksctl utils associate-iam-oidc-provider` does.
    ///
    /// # Errors
    /// When there is no such cluster.
    pub async fn put_cluster_issuer(&self, name: &str, issuer: &str, keys: &Value) -> Result<()> {
        let wanted = json!({"name": name, "issuer": issuer, "keys": keys});
        self.post("cluster/issuer", &wanted).await.map(drop)
    }

    /// `username` and `kubernetesGroups` of the access entry of an IAM principal in a cluster; `None` without an entry.
    /// The principal is the ARN of a role or user. The path of the role may be missing.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn access_entry(&self, cluster: &str, principal: &str) -> Result<Option<Value>> {
        let query = [("cluster", cluster), ("principal", principal)];
        let url = format!("{}/_testbed/access-entry", self.endpoint());
        let url = reqwest::Url::parse_with_params(&url, &query)?;
        let mut answer = control::answer(control::client()?.get(url).timeout(LIMIT)).await?;
        Ok(answer.get_mut("accessEntry").map(Value::take).filter(|entry| !entry.is_null()))
    }
}

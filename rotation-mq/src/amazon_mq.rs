//! Amazon MQ's API: where a broker's endpoints are. Its users are managed elsewhere: `CreateUser` and its
//! kin are for ActiveMQ only (see [`crate::management_api`]).
//! <https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html>

use std::time::Duration;

use aws_sdk_mq::Client;
use aws_sdk_mq::types::{BrokerState, EngineType};
use contract::{BrokerAddress, Kind};

use lambda_boundary::AwsError;

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Host for AMQPS.
    pub host: String,
    /// Port for AMQPS.
    pub port: u16,
    /// Base URL of the management API, `https` and without a trailing slash.
    pub management_url: String,
}

/// Amazon MQ, with the longest time that one call may take.
#[derive(Debug)]
pub struct AmazonMq {
    client: Client,
    timeout: Duration,
}

/// A broker's endpoints cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum BrokerLookupError {
    /// No such broker.
    #[error("Amazon MQ does not know the broker `{0}`")]
    NotFound(String),
    /// ActiveMQ.
    #[error("the broker `{broker}` is a broker for {engine}, not for RabbitMQ")]
    NotRabbitmq {
        /// The broker's id.
        broker: String,
        /// Its engine.
        engine: String,
    },
    /// Being created, rebooted, deleted.
    #[error("the broker `{broker}` is {state}, not RUNNING")]
    NotRunning {
        /// The broker's id.
        broker: String,
        /// Its state.
        state: String,
    },
    /// Amazon MQ named none that we can use.
    #[error("Amazon MQ names no AMQPS endpoint and console URL for the broker `{0}`")]
    NoEndpoint(String),
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl BrokerLookupError {
    /// What to tell others about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) | Self::NoEndpoint(_) => Kind::BrokerNotFound,
            Self::NotRabbitmq { .. } => Kind::BrokerNotRabbitmq,
            Self::NotRunning { .. } => Kind::BrokerNotRunning,
            Self::Aws(error) => error.kind(),
        }
    }
}

impl AmazonMq {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, timeout: Duration) -> Self {
        Self { client: Client::new(config), timeout }
    }

    /// The endpoints of the broker at `address`. Explicit ones need no call.
    ///
    /// # Errors
    /// When the broker is unknown, for another engine, or not running.
    pub async fn endpoints(&self, address: &BrokerAddress) -> Result<Endpoints, BrokerLookupError> {
        match address {
            BrokerAddress::Endpoints { host, port, management_url } => {
                Ok(Endpoints { host: host.clone(), port: *port, management_url: management_url.clone() })
            }
            BrokerAddress::Id(id) => self.describe(id).await,
        }
    }

    async fn describe(&self, id: &str) -> Result<Endpoints, BrokerLookupError> {
        let answer = self.client.describe_broker().broker_id(id).send().await.map_err(|error| {
            let error = AwsError::from_sdk("Amazon MQ", "DescribeBroker", self.timeout, &error);
            if error.is("NotFoundException") {
                BrokerLookupError::NotFound(id.to_owned())
            } else {
                error.into()
            }
        })?;
        if let Some(engine) = answer.engine_type.filter(|engine| *engine != EngineType::Rabbitmq) {
            return Err(BrokerLookupError::NotRabbitmq { broker: id.to_owned(), engine: engine.to_string() });
        }
        if let Some(state) = answer.broker_state.filter(|state| *state != BrokerState::Running) {
            return Err(BrokerLookupError::NotRunning { broker: id.to_owned(), state: state.to_string() });
        }
        // A cluster has one entry as well: its nodes stand behind one load balancer.
        let instances = answer.broker_instances.unwrap_or_default();
        instances
            .iter()
            .find_map(|instance| {
                let amqps =
                    instance.endpoints().iter().find_map(|endpoint| endpoint.strip_prefix("amqps://"))?;
                let (host, port) = amqps.trim_end_matches('/').rsplit_once(':')?;
                let console = instance.console_url().filter(|url| url.starts_with("https://"))?;
                Some(Endpoints {
                    host: host.to_owned(),
                    port: port.parse().ok()?,
                    management_url: console.trim_end_matches('/').to_owned(),
                })
            })
            .ok_or_else(|| BrokerLookupError::NoEndpoint(id.to_owned()))
    }
}

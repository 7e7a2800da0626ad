//! Creates, changes and deletes the broker users of secrets, for deployments: the custom resource `Custom::BrokerUser` of
//! CloudFormation, `aws_lambda_invocation` of Terraform, and the event `ensureUser` of any other pipeline.
//!
//! A request reads what the secret and the broker hold, decides on data ([`decide`], [`removal`], [`ceiling`]), and then
//! acts. It reads the password from the secret, so none is in a property, an answer or a state. Every request can be
//! repeated at any time with the same result.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

pub mod ceiling;
pub mod config;
pub mod decide;
pub mod delete;
pub mod ensure;
pub mod error;
pub mod event;
pub mod found;
pub mod handler;
pub mod properties;
pub mod removal;
pub mod response;
pub mod undo;
pub mod wait;

use rotation_mq::{amazon_mq, amqp_login, broker_access, management_api, secret_store};

/// Everything that a request needs. It is built once for a process, and each client keeps its connections.
#[derive(Debug)]
pub struct BrokerUsers {
    /// The function's configuration.
    pub config: config::Config,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// Amazon MQ's API, for endpoints.
    pub amazon_mq: amazon_mq::AmazonMq,
    /// The broker's management API.
    pub management: management_api::ManagementClient,
    /// AMQPS logins.
    pub amqp: amqp_login::AmqpLogin,
    /// The answers to CloudFormation.
    pub responses: response::Responses,
    /// The dead-letter topic.
    pub dead_letter: messages::Topic,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

impl BrokerUsers {
    /// What is needed to find the broker of a secret and its admin.
    #[must_use]
    pub fn lookup(&self) -> broker_access::Lookup<'_> {
        broker_access::Lookup {
            secrets: &self.secrets,
            amazon_mq: &self.amazon_mq,
            management: &self.management,
            prefixes: &self.config.prefixes,
        }
    }
}

//! Rotates the credentials of one RabbitMQ user on Amazon MQ, as a rotation function of AWS Secrets Manager:
//! `createSecret`, `setSecret`, `testSecret`, `finishSecret`. Also the actions of an incident, `revokePrevious` and `adopt`,
//! and requests that only look ([`inspect`]).
//!
//! A step reads what is there, decides on data ([`version_state`], [`pair`], [`grants`]), and then acts.
//! Every step can be repeated at any time with the same result.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>

pub mod amazon_mq;
pub mod amqp_login;
pub mod broker_access;
pub mod config;
pub mod error;
pub mod event;
pub mod grants;
pub mod handler;
pub mod inspect;
pub mod just_seen;
pub mod management_api;
pub mod name_prefixes;
pub mod ownership;
pub mod pair;
pub mod password;
pub mod rotation_tag;
pub mod secret_store;
pub mod stale_connections;
pub mod steps;
pub mod subject;
pub mod tls;
pub mod turn;
pub mod version_state;

use config::Config;

/// Everything that a step needs. It is built once for a process, and each client keeps its connections.
#[derive(Debug)]
pub struct Rotation {
    /// The function's configuration.
    pub config: Config,
    /// Secrets Manager.
    pub secrets: secret_store::SecretStore,
    /// Amazon MQ's API, for endpoints.
    pub amazon_mq: amazon_mq::AmazonMq,
    /// The broker's management API.
    pub management: management_api::ManagementClient,
    /// AMQPS logins.
    pub amqp: amqp_login::AmqpLogin,
    /// What the steps of one rotation have just seen on the broker.
    pub just_seen: just_seen::JustSeen,
    /// secret2eks.
    pub delivery: messages::DeliveryRequests,
    /// The dead-letter topic.
    pub dead_letter: messages::Topic,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

impl Rotation {
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

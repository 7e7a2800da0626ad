//! Where a function talks to: each is a proxy of its own, and a row of the table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    RotationMq,
    Secret2Eks,
    DlqHandler,
}

/// What is spoken at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS's JSON and REST protocols.
    AwsJson,
    /// AWS's older one, which answers in XML.
    AwsQuery,
    /// RabbitMQ's management API.
    Management,
    /// The API of Kubernetes.
    Kubernetes,
    /// AMQP in TLS: nothing that an HTTP proxy reads.
    Amqps,
}

/// An outside dependency of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// Secrets Manager, Amazon MQ and Lambda, for rotation-mq.
    RotationAws,
    /// The broker's management API.
    Management,
    /// The broker's AMQPS port.
    Amqps,
    /// SNS, where rotation-mq publishes its failures.
    Notices,
    /// Secrets Manager and EKS, for secret2eks.
    DeliveryAws,
    /// The API server.
    Kubernetes,
    /// `DynamoDB`, Secrets Manager, EventBridge, SQS and Lambda, for dlq-handler.
    HandlerAws,
    /// SNS, where dlq-handler publishes its alerts.
    Alerts,
}

impl Place {
    /// All of them. A further function's dependencies are further variants, each with its proxy in `stand/gates.rs`.
    pub const ALL: [Self; 8] = [
        Self::RotationAws,
        Self::Management,
        Self::Amqps,
        Self::Notices,
        Self::DeliveryAws,
        Self::Kubernetes,
        Self::HandlerAws,
        Self::Alerts,
    ];

    /// Who talks to it.
    #[must_use]
    pub fn function(self) -> Function {
        match self {
            Self::RotationAws | Self::Management | Self::Amqps | Self::Notices => Function::RotationMq,
            Self::DeliveryAws | Self::Kubernetes => Function::Secret2Eks,
            Self::HandlerAws | Self::Alerts => Function::DlqHandler,
        }
    }

    /// What is spoken there.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::RotationAws | Self::DeliveryAws | Self::HandlerAws => Protocol::AwsJson,
            Self::Notices | Self::Alerts => Protocol::AwsQuery,
            Self::Management => Protocol::Management,
            Self::Kubernetes => Protocol::Kubernetes,
            Self::Amqps => Protocol::Amqps,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RotationAws => "rotation-mq/aws",
            Self::Management => "rotation-mq/management",
            Self::Amqps => "rotation-mq/amqps",
            Self::Notices => "rotation-mq/sns",
            Self::DeliveryAws => "secret2eks/aws",
            Self::Kubernetes => "secret2eks/kubernetes",
            Self::HandlerAws => "dlq-handler/aws",
            Self::Alerts => "dlq-handler/sns",
        })
    }
}

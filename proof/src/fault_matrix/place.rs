//! The places that functions call. Each place has its own proxy, and is a row of the table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    RotationMq,
    Secret2Eks,
    DlqHandler,
}

/// The protocol of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS's JSON and REST protocols.
    AwsJson,
    /// AWS's older protocol, which answers in XML.
    AwsQuery,
    /// RabbitMQ's management API.
    Management,
    /// The API of Kubernetes.
    Kubernetes,
    /// AMQP in TLS, which an HTTP proxy cannot read.
    Amqps,
}

/// An external dependency of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// Secrets Manager, Amazon MQ and Lambda, for rotation-mq.
    RotationAws,
    /// The broker's management API.
    Management,
    /// The broker's AMQPS port.
    Amqps,
    /// SNS, to which rotation-mq publishes its failures.
    Notices,
    /// Secrets Manager and EKS, for secret2eks.
    DeliveryAws,
    /// The API server.
    Kubernetes,
    /// `DynamoDB`, Secrets Manager, EventBridge, SQS and Lambda, for dlq-handler.
    HandlerAws,
    /// SNS, to which dlq-handler publishes its alerts.
    Alerts,
}

impl Place {
    /// All places. The dependencies of a new function are new variants, each with its proxy in `stand/gates.rs`.
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

    /// The function that calls it.
    #[must_use]
    pub fn function(self) -> Function {
        match self {
            Self::RotationAws | Self::Management | Self::Amqps | Self::Notices => Function::RotationMq,
            Self::DeliveryAws | Self::Kubernetes => Function::Secret2Eks,
            Self::HandlerAws | Self::Alerts => Function::DlqHandler,
        }
    }

    /// Its protocol.
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

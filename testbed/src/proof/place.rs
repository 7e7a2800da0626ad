//! Where a function talks to: each is a proxy of its own, and a row of the table.

use std::fmt;

/// An outside dependency of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
}

impl Place {
    /// All of them. A further function's dependencies are further variants, each with its proxy in `stand.rs`.
    pub const ALL: [Self; 6] = [
        Self::RotationAws,
        Self::Management,
        Self::Amqps,
        Self::Notices,
        Self::DeliveryAws,
        Self::Kubernetes,
    ];

    /// Whether the delivery talks to it, which has retries of its own (Lambda's).
    #[must_use]
    pub fn is_of_delivery(self) -> bool {
        matches!(self, Self::DeliveryAws | Self::Kubernetes)
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
        })
    }
}

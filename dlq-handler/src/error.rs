//! Why a message could not be handled: it stays in the queue then.

use contract::Kind;
use lambda_boundary::AwsError;
use messages::{PublishError, RequestError};

use crate::event_bus::PutError;
use crate::incident_table::TableError;
use crate::own_queue::SendError;

/// Why a message could not be handled. Messages say what failed; causes say why.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event is not one of SQS.
    #[error("the event is not one of SQS")]
    Event(#[source] serde_json::Error),
    /// The state could not be read or written.
    #[error("failed to keep the incident of {subject}")]
    Table {
        /// The secret, function or alarm.
        subject: String,
        /// Why.
        #[source]
        source: TableError,
    },
    /// Others wrote the same item at the same time, each time.
    #[error("the incident of {subject} was written by others {attempts} times in a row")]
    Contended {
        /// The secret, function or alarm.
        subject: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// People could not be told.
    #[error("failed to publish the alert about {subject}; it is kept in the table of incidents")]
    Alert {
        /// The secret, function or alarm.
        subject: String,
        /// Why.
        #[source]
        source: PublishError,
    },
    /// Other systems could not be told.
    #[error("failed to send the event about {subject}; it is kept in the table of incidents")]
    Bus {
        /// The secret, function or alarm.
        subject: String,
        /// Why.
        #[source]
        source: PutError,
    },
    /// Something that has to wait could not be queued.
    #[error("failed to queue a message about {subject} for later")]
    Later {
        /// The secret.
        subject: String,
        /// Why.
        #[source]
        source: SendError,
    },
    /// secret2eks could not be asked.
    #[error("failed to ask secret2eks to deliver {subject}")]
    Redelivery {
        /// The secret.
        subject: String,
        /// Why.
        #[source]
        source: RequestError,
    },
    /// Rotations that stand still could not be found.
    #[error("failed to look for rotations that stand still")]
    Pending {
        /// Why.
        #[source]
        source: AwsError,
    },
    /// Time ran out.
    #[error("the invocation's time ran out")]
    TimedOut,
}

impl HandlerError {
    /// What to tell others about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let aws = match self {
            Self::Event(_) => return Kind::EventInvalid,
            Self::TimedOut => return Kind::RotationTimedOut,
            Self::Table { source: TableError::Aws(error), .. }
            | Self::Alert { source: PublishError::Aws(error), .. }
            | Self::Bus { source: PutError::Aws(error), .. }
            | Self::Later { source: SendError::Aws(error), .. }
            | Self::Redelivery { source: RequestError::Aws(error), .. }
            | Self::Pending { source: error } => Some(error),
            _ => None,
        };
        aws.map_or(Kind::AwsRequestFailed, lambda_boundary::AwsError::kind)
    }
}

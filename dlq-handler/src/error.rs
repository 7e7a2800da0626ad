//! Why a message could not be handled. Such a message stays in the queue.

use contract::Kind;
use lambda_boundary::AwsError;
use messages::{PublishError, RequestError};

use crate::event_bus::PutError;
use crate::incident_table::TableError;
use crate::own_queue::SendError;

/// Why a message could not be handled. Messages say what failed; causes say why.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event is not an event of SQS. The error quotes no part of the event, because the event may
    /// contain a credential.
    #[error(
        "the event is not an event of SQS: `Records` must be a list of messages, each with a `messageId` and a text as `body`"
    )]
    Event,
    /// The state could not be read or written.
    #[error("failed to read or write the incident of {subject}")]
    Table {
        /// The secret, function or alarm.
        subject: String,
        /// Why.
        #[source]
        source: TableError,
    },
    /// Other invocations wrote the same item at the same time, at each attempt.
    #[error(
        "failed to write the incident of {subject}: others wrote it at the same time, {attempts} times in a row"
    )]
    Contended {
        /// The secret, function or alarm.
        subject: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The alert could not be published.
    #[error("failed to publish the alert about {subject}; it is kept in the table of incidents")]
    Alert {
        /// The secret, function or alarm.
        subject: String,
        /// Why.
        #[source]
        source: PublishError,
    },
    /// The event for other systems could not be sent.
    #[error("failed to send the event about {subject}; it is kept in the table of incidents")]
    Bus {
        /// The secret, function or alarm.
        subject: String,
        /// Why.
        #[source]
        source: PutError,
    },
    /// A message that has to wait could not be queued.
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
    /// It could not be found out who may read a secret.
    #[error("failed to look up who may read {subject}")]
    Readers {
        /// The secret.
        subject: String,
        /// Why.
        #[source]
        source: AwsError,
    },
    /// The search for stuck rotations failed.
    #[error("failed to look for stuck rotations")]
    Pending {
        /// Why.
        #[source]
        source: AwsError,
    },
    /// Time ran out.
    #[error("the invocation ran out of time")]
    TimedOut,
}

impl HandlerError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let aws = match self {
            Self::Event => return Kind::EventInvalid,
            Self::TimedOut => return Kind::RotationTimedOut,
            Self::Table { source: TableError::Aws(error), .. }
            | Self::Alert { source: PublishError::Aws(error), .. }
            | Self::Bus { source: PutError::Aws(error), .. }
            | Self::Later { source: SendError::Aws(error), .. }
            | Self::Redelivery { source: RequestError::Aws(error), .. }
            | Self::Readers { source: error, .. }
            | Self::Pending { source: error } => Some(error),
            _ => None,
        };
        aws.map_or(Kind::AwsRequestFailed, lambda_boundary::AwsError::kind)
    }
}

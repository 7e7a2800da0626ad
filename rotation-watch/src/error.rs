//! Why a run failed. EventBridge Scheduler repeats it. What owners were notified of is stored, so nothing is sent twice.

use contract::Kind;
use lambda_boundary::AwsError;
use messages::{InspectError, PublishError};

/// Why a run failed. Messages say what failed; causes say why.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The secrets could not be listed.
    #[error("failed to list the secrets under a policy")]
    List(#[source] AwsError),
    /// The age of a version is unknown.
    #[error("failed to look up the age of the versions of {arn}")]
    Versions {
        /// The secret.
        arn: String,
        /// Why.
        #[source]
        source: AwsError,
    },
    /// Two runs at the same time would notify owners twice.
    #[error("failed to check whether another run is in progress")]
    Turn(#[source] AwsError),
    /// What owners were notified of cannot be read or stored.
    #[error("failed to {what} what owners were notified of")]
    Memory {
        /// `read` or `store`.
        what: &'static str,
        /// Why.
        #[source]
        source: AwsError,
    },
    /// An owner could not be notified.
    #[error("failed to notify {owner} about {what}")]
    Alert {
        /// The owner.
        owner: String,
        /// A secret, or `all secrets` for the digest.
        what: String,
        /// Why.
        #[source]
        source: PublishError,
    },
    /// The function `inspect` does not work, or cannot be invoked.
    #[error("failed to inspect {arn}")]
    Inspect {
        /// The secret.
        arn: String,
        /// Why.
        #[source]
        source: InspectError,
    },
    /// What inspections have found cannot be read or stored.
    #[error("failed to {what} what inspections have found")]
    Inspected {
        /// `read` or `store`.
        what: &'static str,
        /// Why.
        #[source]
        source: AwsError,
    },
    /// A finding could not be reported.
    #[error("failed to report what an inspection of {arn} has found")]
    Notice {
        /// The secret.
        arn: String,
        /// Why.
        #[source]
        source: PublishError,
    },
    /// The run has no answer about some secrets. The time for its calls ended first.
    #[error(
        "the time of the run ended before the ages of {secrets} secrets were known; all known findings were reported, and \
         the next run continues"
    )]
    Incomplete {
        /// How many.
        secrets: usize,
    },
    /// Time ran out.
    #[error("the run ran out of time; the next run continues with the ages that this run has found")]
    TimedOut,
}

impl WatchError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::List(error)
            | Self::Turn(error)
            | Self::Versions { source: error, .. }
            | Self::Memory { source: error, .. }
            | Self::Inspected { source: error, .. }
            | Self::Notice { source: PublishError::Aws(error), .. }
            | Self::Alert { source: PublishError::Aws(error), .. } => error.kind(),
            Self::Inspect { source, .. } => source.kind(),
            Self::Alert { .. } | Self::Notice { .. } => Kind::AwsRequestFailed,
            Self::Incomplete { .. } | Self::TimedOut => Kind::RotationTimedOut,
        }
    }
}

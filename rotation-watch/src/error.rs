//! Why a run failed. Scheduler repeats it, and what was told is remembered.

use contract::Kind;
use lambda_boundary::AwsError;
use messages::PublishError;

/// Why a run failed. Messages say what failed; causes say why.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The secrets could not be listed.
    #[error("failed to list the secrets under a policy")]
    List(#[source] AwsError),
    /// The age of a version is unknown.
    #[error("failed to find the age of the versions of {arn}")]
    Versions {
        /// The secret.
        arn: String,
        /// Why.
        #[source]
        source: AwsError,
    },
    /// Two runs at once would tell twice.
    #[error("failed to see whether another run is under way")]
    Turn(#[source] AwsError),
    /// What was told is not known, or cannot be remembered.
    #[error("failed to {what} what was told")]
    Memory {
        /// `read` or `remember`.
        what: &'static str,
        /// Why.
        #[source]
        source: AwsError,
    },
    /// An owner could not be told.
    #[error("failed to tell {owner} about {what}")]
    Alert {
        /// The owner.
        owner: String,
        /// A secret, or `all secrets` for the digest.
        what: String,
        /// Why.
        #[source]
        source: PublishError,
    },
    /// Time ran out.
    #[error("the run ran out of time; the next one knows the ages that this one has found")]
    TimedOut,
}

impl WatchError {
    /// What to tell others about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::List(error)
            | Self::Turn(error)
            | Self::Versions { source: error, .. }
            | Self::Memory { source: error, .. }
            | Self::Alert { source: PublishError::Aws(error), .. } => error.kind(),
            Self::Alert { .. } => Kind::AwsRequestFailed,
            Self::TimedOut => Kind::RotationTimedOut,
        }
    }
}

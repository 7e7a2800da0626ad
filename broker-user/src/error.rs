//! Why a request failed: one variant for each operation that rotation-mq does not have.

use std::time::Duration;

use contract::Kind;
use rotation_mq::error::RotationError;

use crate::ceiling::Beyond;
use crate::decide::Refusal;
use crate::properties::{EventError, Identity};
use crate::response::ResponseError;
use crate::wait;

/// Why a request failed. Messages say what failed and for whom; causes say why.
#[derive(Debug, thiserror::Error)]
pub enum BrokerUserError {
    /// The function does not accept the event.
    #[error("the function does not accept the event")]
    Event(#[from] EventError),
    /// The stack limits what a user may have.
    #[error("user `{user}` may not have what the properties ask for")]
    Beyond {
        /// The user.
        user: String,
        /// What.
        #[source]
        source: Beyond,
    },
    /// A check before the first write.
    #[error("nothing was written to the broker for user `{user}` of secret {secret}")]
    Refused {
        /// The first user of the pair.
        user: String,
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// An operation on a secret or a broker, as rotation-mq does it.
    #[error(transparent)]
    Rotation(Box<RotationError>),
    /// A vhost of the properties does not exist.
    #[error(
        "the vhost `{vhost}`, in which user `{user}` should have permissions, does not exist on the broker"
    )]
    VhostMissing {
        /// The user.
        user: String,
        /// The vhost.
        vhost: String,
    },
    /// A rotation did not end in time.
    #[error(
        "a rotation of secret {secret} is under way: version {version} is AWSPENDING, and did not become AWSCURRENT within \
         {} s; repeat the request after the rotation, or see stuck-or-stale-pending-version.md if the rotation is stuck", wait::LONGEST.as_secs()
    )]
    RotationUnderWay {
        /// The secret's ARN.
        secret: String,
        /// The version that the rotation is making.
        version: String,
    },
    /// Somebody else changes the same users.
    #[error(
        "the users of secret {secret} were changed by somebody else each time this request had written to them"
    )]
    KeepsChanging {
        /// The secret's ARN.
        secret: String,
    },
    /// CloudFormation waits for the answer until its `ServiceTimeout`.
    #[error("failed to answer CloudFormation, which now waits until the `ServiceTimeout` of the resource")]
    Unanswered(#[source] ResponseError),
    /// Time ran out.
    #[error("the request was stopped {} s after its start, before Lambda's own timeout; repeat it", .0.as_secs())]
    TimedOut(Duration),
}

impl From<RotationError> for BrokerUserError {
    fn from(error: RotationError) -> Self {
        Self::Rotation(Box::new(error))
    }
}

impl BrokerUserError {
    /// An error of a check before the first write.
    #[must_use]
    pub fn refused(identity: &Identity, source: Refusal) -> Self {
        Self::Refused { user: identity.username.clone(), secret: identity.secret.clone(), source }
    }

    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Event(_) | Self::Beyond { .. } => Kind::EventInvalid,
            Self::Refused { source, .. } => source.kind(),
            Self::Rotation(error) => error.kind(),
            Self::VhostMissing { .. } => Kind::VhostMissing,
            // Both may succeed later, although nobody has changed anything.
            Self::RotationUnderWay { .. } | Self::TimedOut(_) => Kind::RotationTimedOut,
            Self::KeepsChanging { .. } => Kind::RotationRaced,
            Self::Unanswered(source) => source.kind(),
        }
    }
}

//! The kind of a failure, which programs match on.

use contract::Kind;

use super::{Credentials, RotationError};
use crate::secret_store::StoreError;
use crate::version_state::Refusal;

impl RotationError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Event(_) => Kind::EventInvalid,
            Self::Preamble { source: Refusal::RotationNotEnabled, .. } => Kind::RotationNotEnabled,
            Self::Preamble { source: Refusal::UnknownVersion, .. } => Kind::RotationVersionUnknown,
            Self::Preamble { source: Refusal::NotPending, .. } | Self::Abandoned { .. } => {
                Kind::RotationVersionNotPending
            }
            Self::Tag { .. } => Kind::RotationTagMismatch,
            Self::Secret { source, .. } => match source {
                StoreError::NotFound | StoreError::NoValue | StoreError::Deleted => Kind::SecretNotFound,
                StoreError::Aws(error) => error.kind(),
                StoreError::Invalid { .. } | StoreError::Binary { .. } => Kind::SecretInvalid,
            },
            Self::UnwritableValue { .. } | Self::UserName { .. } => Kind::SecretInvalid,
            Self::PairTaken { .. } => Kind::PairTaken,
            Self::AdministratorOutsidePrefix { .. } | Self::AdminSecretOutsidePrefix { .. } => {
                Kind::AdminOutsidePrefix
            }
            Self::PendingMissing { .. } => Kind::PendingMissing,
            Self::PendingStale { .. } | Self::PendingUnreadable { .. } => Kind::PendingStale,
            Self::AdminSecret { source: StoreError::Aws(error), .. } if error.kind().is_transient() => {
                error.kind()
            }
            Self::AdminSecret { .. } => Kind::AdminSecretUnreadable,
            Self::OtherBroker { .. } => Kind::AdminOtherBroker,
            Self::AdminIsRotatedUser { .. } => Kind::AdminIsRotatedUser,
            Self::BrokerLookup(source) => source.kind(),
            Self::Broker { source, .. } => source.kind(),
            Self::CurrentUserMissing { .. } => Kind::CurrentUserMissing,
            Self::CurrentLoginRefused { .. } => Kind::CurrentLoginRefused,
            Self::VhostMissing { .. } => Kind::VhostMissing,
            Self::VhostNotPermitted { .. } => Kind::VhostNotPermitted,
            Self::ConnectionsInUse { .. } => Kind::ConnectionsInUse,
            Self::ConnectionsOutlived { .. } => Kind::ConnectionsOutlived,
            Self::Undelivered { .. } => Kind::DeliveryUndelivered,
            Self::Login { source, credentials: Credentials::Current | Credentials::Checked, .. } => {
                source.kind(Kind::CurrentLoginRefused)
            }
            Self::Login { source, credentials: Credentials::Pending, .. } => {
                source.kind(Kind::PendingLoginRefused)
            }
            Self::GrantsUnequal { .. } => Kind::PendingGrantsUnequal,
            Self::Raced { .. } => Kind::RotationRaced,
            Self::DeliveryRequest { .. } => Kind::DeliveryRequestFailed,
            Self::RevokeRefused { .. } => Kind::RevokeRefused,
            Self::Login { source, credentials: Credentials::Leaked, .. } => source.kind(Kind::RevokeRefused),
            Self::RevokeRaced { .. } | Self::RevokeTaken { .. } | Self::RevokeLeaked { .. } => {
                Kind::RevokeRaced
            }
            Self::RevokeStillWorks { .. } => Kind::RevokeStillWorks,
            Self::AdoptRefused { .. } => Kind::AdoptRefused,
            Self::TimedOut(_) => Kind::RotationTimedOut,
        }
    }
}

//! Why a request writes nothing to the broker.

use contract::Kind;
use rotation_mq::ownership::Taken;

/// Why the function writes nothing to the broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The secret is for another broker.
    #[error("the property `Broker` must be `{expected}`, which the secret names")]
    OtherBroker {
        /// The secret's broker.
        expected: String,
    },
    /// The secret is for another user.
    #[error("the property `Username` must be `{expected}`, which the secret's tag `rotation-mq/user` names")]
    OtherUser {
        /// The secret's user.
        expected: String,
    },
    /// The name is that of a second user.
    #[error(
        "the property `Username` is the first user of a pair, without `_clone`; if its own name ends like this, set the tag \
         `rotation-mq/user` of the secret to it"
    )]
    SecondUser,
    /// Nobody can manage the user.
    #[error("the secret names no admin secret (`masterarn`), so nobody can manage its user")]
    WithoutAdmin,
    /// The secret is an admin secret.
    #[error("the secret is the admin secret itself, and deployments never touch an administrator")]
    AdminSecret,
    /// The user is the admin, or takes turns with it.
    #[error("the admin is `{admin}`, and deployments never touch a user of its pair")]
    OfAdmin {
        /// The admin.
        admin: String,
    },
    /// The user belongs to somebody else.
    #[error(transparent)]
    Taken(#[from] Taken),
    /// The user is an administrator, or one of Amazon MQ's own.
    #[error("user `{user}` has the tag `{tag}`, and deployments never touch such a user")]
    Special {
        /// The user.
        user: String,
        /// The tag.
        tag: &'static str,
    },
    /// Somebody has changed the password elsewhere.
    #[error(
        "the broker refuses the login of `{user}` with AWSCURRENT; an update sets no password, because it cannot know which \
         of the two is right"
    )]
    LoginRefused {
        /// The user.
        user: String,
    },
    /// The application could not open its own vhost.
    #[error("the property `Permissions` has no entry for `{vhost}`, the vhost of the secret")]
    VhostNotPermitted {
        /// The vhost.
        vhost: String,
    },
}

impl Refusal {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::OtherBroker { .. } => Kind::EventInvalid,
            Self::OtherUser { .. } | Self::SecondUser | Self::Taken(_) | Self::Special { .. } => {
                Kind::PairTaken
            }
            Self::WithoutAdmin => Kind::SecretInvalid,
            Self::AdminSecret | Self::OfAdmin { .. } => Kind::AdminIsRotatedUser,
            Self::LoginRefused { .. } => Kind::CurrentLoginRefused,
            Self::VhostNotPermitted { .. } => Kind::VhostNotPermitted,
        }
    }
}

//! Why a step failed: one variant for each operation. A variant takes some ten lines, so the file is a long one.

use messages::RequestError;

use crate::amazon_mq::BrokerLookupError;
use crate::amqp_login::LoginError;
use crate::event::EventError;
use crate::management_api::ApiError;
use crate::ownership::Taken;
use crate::pair::{Stale, UserNameError};
use crate::rotation_tag::TagRefusal;
use crate::secret_store::StoreError;
use crate::version_state::Refusal;

mod kind;

/// Why a step failed. Messages say what failed and for whom; causes say why.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The function does not accept the event.
    #[error("the function does not accept the event")]
    Event(#[from] EventError),
    /// The preamble refused the step.
    #[error("version {version} of secret {secret} cannot be rotated")]
    Preamble {
        /// The secret's ARN.
        secret: String,
        /// The event's token.
        version: String,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// The secret's tags do not allow a rotation.
    #[error("the tags of secret {secret} do not allow its rotation")]
    Tag {
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: TagRefusal,
    },
    /// The rotated secret cannot be read or written.
    #[error("failed to {what} secret {secret}")]
    Secret {
        /// The operation, for example `read the current value of`.
        what: &'static str,
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The pending value could not be written as JSON.
    #[error("failed to write the new value of secret {secret}")]
    UnwritableValue {
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The user's name cannot be rotated.
    #[error("the user `{user}` in the field `username` of secret {secret} cannot be rotated")]
    UserName {
        /// The secret's ARN.
        secret: String,
        /// The user.
        user: String,
        /// Why.
        #[source]
        source: UserNameError,
    },
    /// A user of the pair does not belong to this secret.
    #[error("nothing was written to the broker: not all users of secret {secret} belong to it")]
    PairTaken {
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: Taken,
    },
    /// The rotation would make an administrator.
    #[error(
        "user `{user}` would become an administrator as `{active}` is one, but the name of secret {secret} does not \
         begin with `{prefix}`, the prefix of the admin secrets"
    )]
    AdministratorOutsidePrefix {
        /// The secret's ARN.
        secret: String,
        /// AWSCURRENT's user.
        active: String,
        /// The user whose turn it is.
        user: String,
        /// What the names of admin secrets begin with.
        prefix: String,
    },
    /// `masterarn` names a secret that is not an admin secret.
    #[error(
        "the field `masterarn` names {admin_secret}, whose name does not begin with `{prefix}`, the prefix of the admin secrets"
    )]
    AdminSecretOutsidePrefix {
        /// The ARN in the value.
        admin_secret: String,
        /// What the names of admin secrets begin with.
        prefix: String,
    },
    /// createSecret has not stored a value.
    #[error(
        "version {version} of secret {secret} is AWSPENDING but holds no value: createSecret did not finish"
    )]
    PendingMissing {
        /// The secret's ARN.
        secret: String,
        /// The version.
        version: String,
    },
    /// The pending value can never be used.
    #[error(
        "the pending version {version} of secret {secret} can never be used; remove AWSPENDING from it, then rotate again"
    )]
    PendingStale {
        /// The secret's ARN.
        secret: String,
        /// The version.
        version: String,
        /// Why.
        #[source]
        source: Stale,
    },
    /// The pending value does not follow the contract.
    #[error(
        "the pending version of secret {secret} can never be used; remove AWSPENDING from it, then rotate again"
    )]
    PendingUnreadable {
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The admin secret cannot be read.
    #[error("failed to read the admin secret {admin_secret}")]
    AdminSecret {
        /// The admin secret's ARN.
        admin_secret: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The admin secret is for another broker.
    #[error(
        "the admin secret {admin_secret} is for the broker `{admin_broker}`, but the rotated secret is for `{broker}`"
    )]
    OtherBroker {
        /// The admin secret's ARN.
        admin_secret: String,
        /// Its broker.
        admin_broker: String,
        /// The rotated secret's broker.
        broker: String,
    },
    /// The user to reset belongs to the admin secret.
    #[error(
        "user `{user}` is the admin of secret {admin_secret}; resetting it from another secret would lock the admin out"
    )]
    AdminIsRotatedUser {
        /// The admin secret's ARN.
        admin_secret: String,
        /// The user.
        user: String,
    },
    /// The broker's endpoints are unknown.
    #[error("failed to find the endpoints of the broker")]
    BrokerLookup(#[from] BrokerLookupError),
    /// An operation of the management API failed.
    #[error("failed to {what} broker user `{user}`")]
    Broker {
        /// The operation, for example `set the password of`.
        what: String,
        /// The user.
        user: String,
        /// Why.
        #[source]
        source: Box<ApiError>,
    },
    /// The user does not exist.
    #[error("the current user `{user}` does not exist on the broker")]
    CurrentUserMissing {
        /// The user.
        user: String,
    },
    /// The management API refuses the current credentials. If the pending ones would suffice, it refuses these, too.
    #[error(
        "the broker refuses the current credentials of user `{user}`; nothing was changed; {}",
        .blemish.unwrap_or("the password was changed elsewhere, perhaps by another secret for the same user")
    )]
    CurrentLoginRefused {
        /// The user.
        user: String,
        /// Characters in the password that may be there by mistake.
        blemish: Option<&'static str>,
    },
    /// The secret's vhost does not exist.
    #[error("the vhost `{vhost}` of the secret does not exist on the broker")]
    VhostMissing {
        /// The vhost.
        vhost: String,
    },
    /// The current user cannot use the secret's vhost.
    #[error("the current user `{user}` has no permission on the vhost `{vhost}` of the secret")]
    VhostNotPermitted {
        /// The user.
        user: String,
        /// The vhost.
        vhost: String,
    },
    /// Connections of the user to reset are still open.
    #[error("user `{user}` is about to be reset, but is still connected: {connections}")]
    ConnectionsInUse {
        /// The user.
        user: String,
        /// Names and addresses.
        connections: String,
    },
    /// Connections are older than the password that is about to be replaced.
    #[error(
        "connections of user `{user}` were opened before its present password was set, and outlive this one, too: \
         {connections}"
    )]
    ConnectionsOutlived {
        /// The user.
        user: String,
        /// Names and addresses.
        connections: String,
    },
    /// The cluster may still log in with the user to reset.
    #[error(
        "user `{user}` is not reset: the cluster is not known to hold version {current} (tag `secret2eks/delivered`), \
         so production may still log in as that user; delivery was requested again"
    )]
    Undelivered {
        /// The user.
        user: String,
        /// The current version.
        current: String,
    },
    /// A login over AMQPS failed.
    #[error("failed to log in to the broker over AMQPS as user `{user}` with {credentials}")]
    Login {
        /// The user.
        user: String,
        /// Whose credentials.
        credentials: Credentials,
        /// Why.
        #[source]
        source: LoginError,
    },
    /// The users differ in what they may do.
    #[error("the grants of the pending user `{user}` differ from those of `{current}`: {differences}")]
    GrantsUnequal {
        /// The pending user.
        user: String,
        /// The current user.
        current: String,
        /// What would have to change.
        differences: String,
    },
    /// A late write hit a user in use.
    #[error(
        "user `{user}` belonged to {stage} when its password was set; that version's password was restored"
    )]
    Raced {
        /// The user.
        user: String,
        /// The staging label.
        stage: &'static str,
    },
    /// The rotation was abandoned while the step ran.
    #[error("version {version} of secret {secret} is no longer AWSPENDING: that changed while the step ran")]
    Abandoned {
        /// The secret's ARN.
        secret: String,
        /// The version.
        version: String,
    },
    /// secret2eks could not be asked.
    #[error("failed to ask secret2eks to deliver secret {secret}")]
    DeliveryRequest {
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: RequestError,
    },
    /// The version to revoke is in use.
    #[error("version {version} is not revoked: {reason}")]
    RevokeRefused {
        /// The version.
        version: String,
        /// Why.
        reason: String,
    },
    /// During the revocation, a rotation took the user.
    #[error(
        "user `{user}` was given to {stage} while it was revoked; that version's password was restored, so revoke again"
    )]
    RevokeRaced {
        /// The user.
        user: String,
        /// The staging label.
        stage: &'static str,
    },
    /// During the revocation, a staging label took the user, and its password was not restored.
    #[error(
        "user `{user}` was named by {stage} while it was revoked, and its password was not restored: {reason}; rotate, \
         then revoke again"
    )]
    RevokeTaken {
        /// The user.
        user: String,
        /// The staging label.
        stage: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// During the revocation, AWSCURRENT or AWSPENDING was moved to a version with the leaked password.
    #[error(
        "{stage} was moved to version {version} while user `{user}` was revoked; that version has the leaked password, so \
         the password was not restored, and the user keeps a random one; move {stage} away from that version, then revoke again"
    )]
    RevokeLeaked {
        /// The user.
        user: String,
        /// The staging label.
        stage: &'static str,
        /// The version that has the staging label now.
        version: String,
    },
    /// The function could not prove in time that the leaked credentials no longer work.
    #[error("the leaked credentials of user `{user}` are not cut off: {reason}; revoke again")]
    RevokeStillWorks {
        /// The user.
        user: String,
        /// Why.
        reason: &'static str,
    },
    /// The secret cannot adopt the user.
    #[error("user `{user}` is not adopted: {reason}")]
    AdoptRefused {
        /// The user.
        user: String,
        /// Why.
        reason: String,
    },
    /// Time ran out.
    #[error("the step was stopped {} s after its start, before Lambda's own timeout; the next attempt continues", .0.as_secs())]
    TimedOut(std::time::Duration),
}

/// Whose credentials a login used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Those of AWSCURRENT.
    Current,
    /// Those of AWSPENDING.
    Pending,
    /// Those of a version that is revoked.
    Leaked,
    /// Those of a version that is only checked.
    Checked,
}

impl std::fmt::Display for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Current => "the current credentials",
            Self::Pending => "the pending credentials",
            Self::Leaked => "the leaked credentials",
            Self::Checked => "the credentials of the version",
        })
    }
}

impl RotationError {
    /// An error of the management API, for `map_err`: `what` was tried for `user`.
    pub fn broker(what: &str, user: &str) -> impl Fn(ApiError) -> Self {
        move |source| Self::Broker { what: what.to_owned(), user: user.to_owned(), source: Box::new(source) }
    }

    /// An error of a login over AMQPS, for `map_err`.
    pub fn login(user: &str, credentials: Credentials) -> impl Fn(LoginError) -> Self {
        move |source| Self::Login { user: user.to_owned(), credentials, source }
    }
}

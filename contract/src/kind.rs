//! The closed set of failure kinds. Alarms, playbooks and dlq-handler match on a kind and never on prose.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// How bad a failure is for the people who use the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The delivered credentials may not work. Somebody has to act now.
    Critical,
    /// Nothing is broken yet, but the rotation will not succeed without a person.
    Error,
    /// Nothing is broken, and a retry may succeed.
    Warning,
}

impl Severity {
    /// The name in messages and message attributes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $severity:ident, $transient:literal;)+) => {
        /// What failed, as a stable dotted name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub enum Kind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Kind {
            /// Every kind, in the order of the table in `docs/src/kinds.md`.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The dotted name, for example `broker.unreachable`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the failure means for the people who use the secret.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// Whether the same call may succeed later although nobody has changed anything.
            #[must_use]
            pub fn is_transient(self) -> bool {
                match self { $(Self::$variant => $transient,)+ }
            }

            /// What the kind means, in one or two sentences.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii_start(),)+ }
            }
        }
    };
}

kinds! {
    /// An environment variable of the function has a value that the function cannot use.
    ConfigurationInvalid = "configuration.invalid", Critical, false;
    /// The function was invoked with an event that it does not accept.
    EventInvalid = "event.invalid", Error, false;
    /// Rotation is not enabled for the secret.
    RotationNotEnabled = "rotation.not_enabled", Error, false;
    /// The tag that allows the rotation is missing or has another value, or its key is written in another case.
    RotationTagMismatch = "rotation.tag_mismatch", Error, false;
    /// The event names a version that the secret does not have.
    RotationVersionUnknown = "rotation.version_unknown", Error, false;
    /// The version of the event is no longer AWSPENDING, and it is not AWSCURRENT.
    RotationVersionNotPending = "rotation.version_not_pending", Error, false;
    /// A late step of an abandoned rotation reset a user that was in use. The function restored its password.
    RotationRaced = "rotation.raced", Error, true;
    /// The step took too long. The function stopped it before Lambda's timeout.
    RotationTimedOut = "rotation.timed_out", Warning, true;
    /// A rotation failed, and the function did not report why. It crashed, Lambda stopped it, or it could not be invoked.
    RotationFailed = "rotation.failed", Error, true;
    /// The test of a new schedule failed, and the function did not report why.
    RotationTestFailed = "rotation.test_failed", Error, false;
    /// A version has been AWSPENDING for more than an hour and has not become AWSCURRENT.
    RotationStuck = "rotation.stuck", Error, false;
    /// Rotation is enabled, but no rotation has succeeded yet.
    RotationNeverSucceeded = "rotation.never_succeeded", Error, false;
    /// A function ended without an answer: it crashed, or Lambda stopped it.
    FunctionCrashed = "function.crashed", Error, true;

    /// The secret does not exist, or it has no current value.
    SecretNotFound = "secret.not_found", Error, false;
    /// The current value of the secret does not follow the contract. The message names the field.
    SecretInvalid = "secret.invalid", Error, false;
    /// The secret will soon be older than its policy allows.
    SecretDue = "secret.due", Warning, false;
    /// The secret is older than its policy allows.
    SecretOverdue = "secret.overdue", Error, false;
    /// The policy of the secret is incomplete: the owner or the maximum age is missing or cannot be read.
    SecretOwnerMissing = "secret.owner_missing", Warning, false;
    /// The secret could not be inspected for more than two days. What is wrong with it would be noticed by its next rotation.
    SecretUninspected = "secret.uninspected", Warning, false;
    /// Secrets Manager does not let rotation-watch see how old the secret's value is. Nobody is notified when it is due.
    SecretUnwatched = "secret.unwatched", Error, false;

    /// A user of the pair belongs to another secret or to another application. Nothing was written to the broker.
    PairTaken = "pair.taken", Error, false;

    /// The pending version has no value: createSecret did not run or did not finish.
    PendingMissing = "pending.missing", Error, false;
    /// The pending value can never be used: it does not fit the current version, or it cannot be read.
    PendingStale = "pending.stale", Error, false;
    /// The broker refuses the login with the pending credentials.
    PendingLoginRefused = "pending.login_refused", Error, false;
    /// The grants of the pending user differ from those of the current user.
    PendingGrantsUnequal = "pending.grants_unequal", Error, true;

    /// The broker refuses the login with the current credentials. Applications that connect now are locked out.
    CurrentLoginRefused = "current.login_refused", Critical, false;
    /// The current user does not exist on the broker.
    CurrentUserMissing = "current.user_missing", Critical, false;
    /// The user has nearly as many connections as its limit, or the vhost's limit, allows.
    LoginLimitNear = "login.limit_near", Warning, false;
    /// The user cannot open one more connection: a limit of the user, the vhost or the node is reached.
    LoginLimitReached = "login.limit_reached", Warning, true;

    /// The vhost of the secret does not exist on the broker.
    VhostMissing = "vhost.missing", Error, false;
    /// The current user has no permission on the vhost of the secret.
    VhostNotPermitted = "vhost.not_permitted", Error, false;

    /// The admin secret cannot be read, or its value cannot be used.
    AdminSecretUnreadable = "admin.secret_unreadable", Error, false;
    /// The admin secret names another broker than the rotated secret.
    AdminOtherBroker = "admin.other_broker", Error, false;
    /// The broker refuses the login of the admin.
    AdminLoginRefused = "admin.login_refused", Error, false;
    /// The admin does not have the tag `administrator`.
    AdminNotAdministrator = "admin.not_administrator", Error, false;

    /// The credentials of an administrator are in a secret whose name does not begin with `AdminSecretNamePrefix`.
    AdminOutsidePrefix = "admin.outside_prefix", Error, false;
    /// The user to reset is the admin itself. The admin's own secret would keep the old password.
    AdminIsRotatedUser = "admin.is_rotated_user", Error, false;

    /// Amazon MQ does not know the broker.
    BrokerNotFound = "broker.not_found", Error, false;
    /// The broker is not a RabbitMQ broker.
    BrokerNotRabbitmq = "broker.not_rabbitmq", Error, false;
    /// Amazon MQ reports that the broker is not running.
    BrokerNotRunning = "broker.not_running", Warning, true;
    /// The broker does not answer.
    BrokerUnreachable = "broker.unreachable", Warning, true;
    /// The broker's certificate is not trusted or does not match its name, or the port does not speak TLS.
    BrokerTlsRefused = "broker.tls_refused", Error, false;
    /// The management API sent an answer that is not in its format.
    BrokerUnexpectedAnswer = "broker.unexpected_answer", Error, true;
    /// The management API refused a request, or failed.
    BrokerRequestFailed = "broker.request_failed", Error, true;

    /// The certificate of the broker ends soon.
    BrokerCertificateEnds = "broker.certificate_ends", Warning, false;

    /// The grants of the two users of the pair differ. The next rotation would make them equal.
    GrantsDiffer = "grants.differ", Warning, false;

    /// Clients are still connected as the user that the next rotation resets.
    ConnectionsStale = "connections.stale", Warning, false;
    /// Connections of the user that is about to be reset are still open.
    ConnectionsInUse = "connections.in_use", Error, true;
    /// A connection is still open although the password of its user has changed twice since it was opened.
    ConnectionsOutlived = "connections.outlived", Warning, false;

    /// The cluster is not known to hold the current version, so the other user must not be reset.
    DeliveryUndelivered = "delivery.undelivered", Error, true;
    /// The broker refuses the login of a value that somebody stored by hand. The value was not delivered.
    DeliveryHeldBack = "delivery.held_back", Critical, false;
    /// A value that somebody stored by hand was delivered, although it could not be checked.
    DeliveryUnchecked = "delivery.unchecked", Warning, false;
    /// The request to deliver the new version did not reach secret2eks.
    DeliveryRequestFailed = "delivery.request_failed", Error, true;
    /// The tags that define where the secret is delivered are incomplete, or have values that Kubernetes does not accept.
    DeliveryTagsInvalid = "delivery.tags_invalid", Error, false;
    /// The tenant of the secret is not the tenant of the namespace.
    DeliveryTenantMismatch = "delivery.tenant_mismatch", Error, false;
    /// The namespace in the secret's tags does not exist in the cluster.
    DeliveryNamespaceMissing = "delivery.namespace_missing", Error, false;
    /// The ExternalSecret does not exist, although GitOps should create it (mode `refresh`).
    DeliveryExternalSecretMissing = "delivery.external_secret_missing", Error, false;
    /// An ExternalSecret or Kubernetes Secret with this name belongs to somebody else.
    DeliveryNameTaken = "delivery.name_taken", Error, false;
    /// Another field manager applies the same ExternalSecret with other contents.
    DeliveryConflict = "delivery.conflict", Error, false;
    /// External Secrets Operator did not confirm the current version in time.
    DeliveryNotSynced = "delivery.not_synced", Error, true;
    /// The delivery took too long. The function stopped it before Lambda's timeout.
    DeliveryTimedOut = "delivery.timed_out", Warning, true;
    /// More objects of the cluster have lost their secret at once than secret2eks may take back. It took none back.
    DeliveryTakeBackWithheld = "delivery.take_back_withheld", Error, false;

    /// EKS does not know the cluster, or the cluster is not active.
    ClusterNotFound = "cluster.not_found", Error, false;
    /// The cluster's API server does not answer.
    ClusterUnreachable = "cluster.unreachable", Error, true;
    /// The certificate of the cluster's API server is not signed by the certificate authority that EKS names.
    ClusterTlsRefused = "cluster.tls_refused", Error, true;
    /// The API server does not accept the function's token: the function's role has no access entry.
    ClusterLoginRefused = "cluster.login_refused", Error, false;
    /// The function lacks a permission in the cluster that a delivery needs.
    ClusterAccessDenied = "cluster.access_denied", Error, false;
    /// The cluster does not serve `external-secrets.io/v1`: the operator is missing or has another version.
    ClusterApiUnknown = "cluster.api_unknown", Error, false;
    /// The API server refused a request. It would refuse a retry, too.
    ClusterRequestRefused = "cluster.request_refused", Error, false;
    /// The API server failed or throttled a request.
    ClusterRequestFailed = "cluster.request_failed", Error, true;

    /// The version to revoke or its user is still in use, or the user does not belong to this secret.
    RevokeRefused = "revoke.refused", Error, false;
    /// During the revocation, a rotation gave the user to AWSCURRENT or AWSPENDING. The message says whether its password was restored.
    RevokeRaced = "revoke.raced", Error, true;
    /// The broker still accepts the leaked login, or new connections of its user keep appearing.
    RevokeStillWorks = "revoke.still_works", Error, true;
    /// The secret cannot adopt the broker user. The message says why.
    AdoptRefused = "adopt.refused", Error, false;

    /// An AWS endpoint does not answer.
    AwsUnreachable = "aws.unreachable", Warning, true;
    /// AWS throttled the request.
    AwsThrottled = "aws.throttled", Warning, true;
    /// The function's role lacks a permission that the function needs.
    AwsAccessDenied = "aws.access_denied", Error, false;
    /// AWS refused a request, or failed.
    AwsRequestFailed = "aws.request_failed", Error, true;

    /// Somebody who is not on the list of the secret's readers has read its value.
    AccessUnknownReader = "access.unknown_reader", Error, false;
    /// The value of the secret was read from a network that is not on the list.
    AccessFromOutside = "access.from_outside", Error, false;
    /// AWS denied somebody a call that reads the value of the secret, or that changes the secret.
    AccessDenied = "access.denied", Warning, false;
    /// Somebody has changed or removed the resource policy of the secret, or the tag that lists its readers.
    ProtectionPolicyChanged = "protection.policy_changed", Error, false;
    /// Somebody has switched off the rotation of the secret, or gave it another rotation function.
    ProtectionRotationOff = "protection.rotation_off", Error, false;
    /// Somebody has deleted the secret.
    ProtectionSecretDeleted = "protection.secret_deleted", Error, false;
    /// Somebody has disabled the KMS key of the suite's secrets, scheduled its deletion, changed who may use it, or gave a secret another key.
    ProtectionKeyChanged = "protection.key_changed", Critical, false;

    /// A CloudWatch alarm of the suite is in state ALARM.
    AlarmRaised = "alarm.raised", Error, true;
    /// The dead-letter queue received a message that dlq-handler does not understand.
    MessageUnknown = "message.unknown", Error, false;
    /// A message reports a success or gives a command, but did not come from its sender's queue. dlq-handler did not act on it.
    MessageUntrusted = "message.untrusted", Error, false;
    /// More alerts of an area were due in an hour than `AlertsPerHour` allows. The other alerts are only in the table of incidents.
    AlertsWithheld = "alerts.withheld", Error, false;
    /// An item in the table of incidents could not be read. Its contents are lost, and a new item replaces it.
    IncidentUnreadable = "incident.unreadable", Error, false;
}

impl Kind {
    /// The kind with this name. Version 0.1 wrote `distribution.` for `delivery.`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("delivery.").or_else(|| name.strip_prefix("distribution."));
        Self::ALL.iter().copied().find(|kind| match rest {
            Some(rest) => kind.as_str().strip_prefix("delivery.") == Some(rest),
            None => kind.as_str() == name,
        })
    }

    /// The part of the name before the dot, for example `broker`.
    #[must_use]
    pub fn group(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(group, _)| group)
    }

    /// Whether the kind reports that something failed and not what. Such a kind never replaces one that says what.
    #[must_use]
    pub fn is_generic(self) -> bool {
        matches!(self, Self::RotationFailed | Self::RotationTestFailed | Self::FunctionCrashed)
    }

    /// Whether the failed attempt at a rotation has been replaced or abandoned: its step came late, or was called by hand.
    /// Nothing is broken then, and there is nothing to fix. If the attempt was made by Secrets Manager, its event
    /// `RotationFailed` reports it.
    #[must_use]
    pub fn is_of_a_past_attempt(self) -> bool {
        matches!(self, Self::RotationVersionUnknown | Self::RotationVersionNotPending)
    }

    /// The section of the playbooks that says what to do, as `PAGE#ANCHOR` below `infra/playbooks/`.
    #[must_use]
    pub fn playbook(self) -> String {
        let page = match (self.group(), self) {
            ("delivery" | "cluster", _) => "delivery-failing.md",
            (
                _,
                Self::SecretDue
                | Self::SecretOverdue
                | Self::SecretOwnerMissing
                | Self::SecretUninspected
                | Self::SecretUnwatched,
            ) => "secret-due.md",
            ("access" | "protection", _) => "unexpected-access.md",
            _ => "rotation-failing.md",
        };
        format!("{page}#{self}")
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| D::Error::custom("no kind of failure"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_dotted_lower_case_and_unique() {
        let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for name in names {
            let (area, rest) = name.split_once('.').unwrap_or_default();
            assert!(!area.is_empty() && !rest.is_empty(), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_'), "{name}");
        }
    }

    #[test]
    fn every_kind_travels_as_its_name_and_says_what_it_means() -> Result<(), serde_json::Error> {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind)?, kind.as_str());
            assert_eq!(serde_json::from_value::<Kind>(kind.as_str().into())?, *kind);
            assert!(kind.meaning().ends_with('.'), "{kind}: {}", kind.meaning());
        }
        Ok(())
    }

    #[test]
    fn a_kind_of_version_0_1_is_read_by_its_name_of_now() {
        assert_eq!(Kind::parse("distribution.not_synced"), Some(Kind::DeliveryNotSynced));
        for unknown in
            ["distribution.login_refused", "delivery.", "delivery.delivery.not_synced", "not_synced"]
        {
            assert_eq!(Kind::parse(unknown), None, "{unknown}");
        }
        assert!(serde_json::from_value::<Kind>("delivery.unheard_of".into()).is_err());
    }
}

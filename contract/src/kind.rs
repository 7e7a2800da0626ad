//! The closed set of failure kinds. Alarms, playbooks and dlq-handler match on a kind and never on prose.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// How bad a failure is for the people who use the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The delivered credentials may not work: somebody has to act now.
    Critical,
    /// Nothing is broken yet, but the rotation will not succeed without a person.
    Error,
    /// Nothing is broken and a retry may well succeed.
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

            /// Whether the same call may succeed later without anybody changing anything.
            #[must_use]
            pub fn is_transient(self) -> bool {
                match self { $(Self::$variant => $transient,)+ }
            }

            /// One sentence that says what the kind means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii_start(),)+ }
            }
        }
    };
}

kinds! {
    /// An environment variable of the function has a value that it cannot work with.
    ConfigurationInvalid = "configuration.invalid", Critical, false;
    /// The event is not one that the function knows.
    EventInvalid = "event.invalid", Error, false;
    /// Rotation is not enabled for the secret.
    RotationNotEnabled = "rotation.not_enabled", Error, false;
    /// The tag that allows the rotation is missing, has another value, or is written in another case.
    RotationTagMismatch = "rotation.tag_mismatch", Error, false;
    /// The token of the event is not a version of the secret.
    RotationVersionUnknown = "rotation.version_unknown", Error, false;
    /// The version of the event is neither AWSPENDING nor AWSCURRENT any more.
    RotationVersionNotPending = "rotation.version_not_pending", Error, false;
    /// A late step of an abandoned rotation reset a user in use; its password was restored.
    RotationRaced = "rotation.raced", Error, true;
    /// The step ran out of time before the function's own timeout.
    RotationTimedOut = "rotation.timed_out", Warning, true;
    /// A rotation failed, and the function did not say why: it crashed, was cut off, or could not be called.
    RotationFailed = "rotation.failed", Error, true;
    /// The test of a new schedule failed, and the function did not say why.
    RotationTestFailed = "rotation.test_failed", Error, false;
    /// A version has been AWSPENDING for more than an hour without becoming AWSCURRENT.
    RotationStuck = "rotation.stuck", Error, false;
    /// Rotation is on, but has never succeeded.
    RotationNeverSucceeded = "rotation.never_succeeded", Error, false;
    /// A function ended without an answer of its own: it crashed, or Lambda cut it off.
    FunctionCrashed = "function.crashed", Error, true;

    /// The secret, or its current value, is not there.
    SecretNotFound = "secret.not_found", Error, false;
    /// The secret's current value breaks the contract: the message names the field.
    SecretInvalid = "secret.invalid", Error, false;
    /// The secret will soon be older than its policy allows.
    SecretDue = "secret.due", Warning, false;
    /// The secret is older than its policy allows.
    SecretOverdue = "secret.overdue", Error, false;
    /// The policy of the secret is incomplete: an owner or a maximal age is missing or unreadable.
    SecretOwnerMissing = "secret.owner_missing", Warning, false;
    /// Secrets Manager does not let rotation-watch see how old the secret's value is: nobody is told when it is due.
    SecretUnwatched = "secret.unwatched", Error, false;

    /// A user of the pair is another secret's or another application's: nothing was written to the broker.
    PairTaken = "pair.taken", Error, false;

    /// The pending value is missing: createSecret did not run, or did not finish.
    PendingMissing = "pending.missing", Error, false;
    /// The pending value can never become right: another user, another broker, or unreadable.
    PendingStale = "pending.stale", Error, false;
    /// The broker refuses the login with the pending credentials.
    PendingLoginRefused = "pending.login_refused", Error, false;
    /// The pending user's grants differ from those of the current user.
    PendingGrantsUnequal = "pending.grants_unequal", Error, true;

    /// The broker refuses the login with the current credentials: applications are locked out or will be.
    CurrentLoginRefused = "current.login_refused", Critical, false;
    /// The current user does not exist on the broker.
    CurrentUserMissing = "current.user_missing", Critical, false;
    /// The user may not have one more connection: a limit of the user or the vhost is reached.
    LoginLimitReached = "login.limit_reached", Warning, true;

    /// The vhost of the secret does not exist on the broker.
    VhostMissing = "vhost.missing", Error, false;
    /// The current user has no permission on the vhost of the secret.
    VhostNotPermitted = "vhost.not_permitted", Error, false;

    /// The admin secret cannot be read or holds no usable value.
    AdminSecretUnreadable = "admin.secret_unreadable", Error, false;
    /// The admin secret names another broker than the rotated secret.
    AdminOtherBroker = "admin.other_broker", Error, false;
    /// The broker refuses the admin's login.
    AdminLoginRefused = "admin.login_refused", Error, false;
    /// The admin lacks the tag `administrator`.
    AdminNotAdministrator = "admin.not_administrator", Error, false;

    /// An administrator's credentials are in a secret whose name does not begin with `AdminSecretNamePrefix`.
    AdminOutsidePrefix = "admin.outside_prefix", Error, false;
    /// The user to reset is the admin that resets it, and the admin's own secret would not know.
    AdminIsRotatedUser = "admin.is_rotated_user", Error, false;

    /// Amazon MQ does not know the broker.
    BrokerNotFound = "broker.not_found", Error, false;
    /// The broker is not a RabbitMQ broker.
    BrokerNotRabbitmq = "broker.not_rabbitmq", Error, false;
    /// Amazon MQ reports that the broker is not running.
    BrokerNotRunning = "broker.not_running", Warning, true;
    /// The broker does not answer.
    BrokerUnreachable = "broker.unreachable", Warning, true;
    /// The broker's certificate is not trusted or does not fit its name, or it does not speak TLS.
    BrokerTlsRefused = "broker.tls_refused", Error, false;
    /// The management API answered something that is not its own format.
    BrokerUnexpectedAnswer = "broker.unexpected_answer", Error, true;
    /// The management API refused or failed a request.
    BrokerRequestFailed = "broker.request_failed", Error, true;

    /// Somebody is still connected as the user that is about to be reset.
    ConnectionsInUse = "connections.in_use", Error, true;
    /// Somebody is still connected as a user whose password has changed twice since: the session outlives rotations.
    ConnectionsOutlived = "connections.outlived", Warning, false;

    /// The cluster is not known to hold the current version, so the other user must not be reset.
    DeliveryUndelivered = "delivery.undelivered", Error, true;
    /// secret2eks could not be asked to deliver the new version.
    DeliveryRequestFailed = "delivery.request_failed", Error, true;
    /// The tags that say where the secret goes are incomplete, or hold what Kubernetes does not take.
    DeliveryTagsInvalid = "delivery.tags_invalid", Error, false;
    /// The tenant of the secret is not the tenant of the namespace.
    DeliveryTenantMismatch = "delivery.tenant_mismatch", Error, false;
    /// The namespace of the secret's tags does not exist in the cluster.
    DeliveryNamespaceMissing = "delivery.namespace_missing", Error, false;
    /// GitOps should own the ExternalSecret (mode `refresh`), but it does not exist.
    DeliveryExternalSecretMissing = "delivery.external_secret_missing", Error, false;
    /// An ExternalSecret or Kubernetes Secret of that name belongs to somebody else.
    DeliveryNameTaken = "delivery.name_taken", Error, false;
    /// Somebody else applies the same ExternalSecret with other contents.
    DeliveryConflict = "delivery.conflict", Error, false;
    /// External Secrets Operator did not confirm the current version in time.
    DeliveryNotSynced = "delivery.not_synced", Error, true;
    /// The delivery ran out of time before the function's own timeout.
    DeliveryTimedOut = "delivery.timed_out", Warning, true;

    /// EKS does not know the cluster, or the cluster is not active.
    ClusterNotFound = "cluster.not_found", Error, false;
    /// The cluster's API server does not answer.
    ClusterUnreachable = "cluster.unreachable", Error, true;
    /// The certificate of the cluster's API server is not the one that EKS names.
    ClusterTlsRefused = "cluster.tls_refused", Error, true;
    /// The API server does not accept the function's token: its role has no access entry.
    ClusterLoginRefused = "cluster.login_refused", Error, false;
    /// The function may not do in the cluster what a delivery needs.
    ClusterAccessDenied = "cluster.access_denied", Error, false;
    /// The cluster does not serve `external-secrets.io/v1`: the operator is missing or of another version.
    ClusterApiUnknown = "cluster.api_unknown", Error, false;
    /// The API server refused a request and will refuse it again.
    ClusterRequestRefused = "cluster.request_refused", Error, false;
    /// The API server failed or throttled a request.
    ClusterRequestFailed = "cluster.request_failed", Error, true;

    /// The version to revoke is still in use, or its user is in use or not this secret's.
    RevokeRefused = "revoke.refused", Error, false;
    /// A rotation gave the revoked user to AWSCURRENT or AWSPENDING meanwhile: the message says whether its password was restored.
    RevokeRaced = "revoke.raced", Error, true;
    /// The broker still accepts the leaked login, or connections of its user keep appearing.
    RevokeStillWorks = "revoke.still_works", Error, true;
    /// The broker user cannot be adopted by the secret: the message says why.
    AdoptRefused = "adopt.refused", Error, false;

    /// An AWS endpoint does not answer.
    AwsUnreachable = "aws.unreachable", Warning, true;
    /// AWS throttled the request.
    AwsThrottled = "aws.throttled", Warning, true;
    /// The function's role may not do what the step needs.
    AwsAccessDenied = "aws.access_denied", Error, false;
    /// AWS refused or failed a request.
    AwsRequestFailed = "aws.request_failed", Error, true;

    /// A CloudWatch alarm of the suite is in state ALARM.
    AlarmRaised = "alarm.raised", Error, true;
    /// A message that nobody understands came to the dead-letter queue.
    MessageUnknown = "message.unknown", Error, false;
    /// A message reports a success or gives a command, but did not come from its sender's queue: it was not believed.
    MessageUntrusted = "message.untrusted", Error, false;
    /// More alerts in an hour than `AlertsPerHour` allows: those about what may be invented are not sent.
    AlertsWithheld = "alerts.withheld", Error, false;
    /// An item of the table of incidents could not be read: what it said is lost, and the item was begun again.
    IncidentUnreadable = "incident.unreadable", Error, false;
}

impl Kind {
    /// The kind of that name. Version 0.1 said `distribution.` for `delivery.`.
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

    /// Whether it says that something failed and not what: it never takes the place of a kind that does.
    #[must_use]
    pub fn is_generic(self) -> bool {
        matches!(self, Self::RotationFailed | Self::RotationTestFailed | Self::FunctionCrashed)
    }

    /// Whether the attempt at a rotation that failed has been replaced or abandoned: its step came late, or was called by
    /// hand. That breaks nothing and leaves nothing to mend. Where it was Secrets Manager's own attempt all the same, its
    /// event `RotationFailed` tells.
    #[must_use]
    pub fn is_of_a_past_attempt(self) -> bool {
        matches!(self, Self::RotationVersionUnknown | Self::RotationVersionNotPending)
    }

    /// The section that says what to do, as `PAGE#ANCHOR` below `infra/playbooks/`.
    #[must_use]
    pub fn playbook(self) -> String {
        let page = match (self.group(), self) {
            ("delivery" | "cluster", _) => "delivery-failing.md",
            (_, Self::SecretDue | Self::SecretOverdue | Self::SecretOwnerMissing | Self::SecretUnwatched) => {
                "secret-due.md"
            }
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

//! Why a delivery failed: one variant for each operation, and the kind that programs match on.

use std::time::Duration;

use contract::Kind;
use messages::RequestError;

use crate::cluster::ConnectError;
use crate::event::EventError;
use crate::external_secret::Refusal;
use crate::held::Held;
use crate::kubernetes_api::ApiError;
use crate::route::TagError;
use crate::secret_store::StoreError;

/// Why a delivery failed. Messages say what failed and for whom; causes say why.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The function does not accept the event.
    #[error("the function does not accept the event")]
    Event(#[from] EventError),
    /// The secret cannot be described, or its receipt cannot be written.
    #[error("failed to {what} secret {secret}")]
    Secret {
        /// The operation.
        what: &'static str,
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The tags do not define where the secret is delivered.
    #[error("the tags of secret {secret} do not define where it is delivered")]
    Tags {
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: TagError,
    },
    /// This function was asked to deliver a secret that goes to another cluster.
    #[error(
        "secret {secret} goes to the cluster `{cluster}` (tag `secret2eks/cluster`), but this function delivers to `{own}`"
    )]
    OtherCluster {
        /// The secret's ARN.
        secret: String,
        /// The cluster of the tag.
        cluster: String,
        /// This function's cluster.
        own: String,
    },
    /// No connection to the cluster.
    #[error("failed to log in to the cluster `{cluster}`")]
    Connect {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// An operation in the cluster failed.
    #[error("failed to {what} in the cluster `{cluster}`")]
    Api {
        /// The operation and its object.
        what: String,
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// The namespace in the tags does not exist.
    #[error("the namespace `{namespace}` of secret {secret} does not exist in the cluster `{cluster}`")]
    NamespaceMissing {
        /// The secret's ARN.
        secret: String,
        /// The namespace.
        namespace: String,
        /// The cluster.
        cluster: String,
    },
    /// The namespace belongs to another tenant.
    #[error(
        "secret {secret} (tag `tenant`: {of_secret}) is not for the namespace `{namespace}` (label `tenant`: {of_namespace})"
    )]
    TenantMismatch {
        /// The secret's ARN.
        secret: String,
        /// The secret's tenant.
        of_secret: String,
        /// The namespace.
        namespace: String,
        /// The namespace's tenant.
        of_namespace: String,
    },
    /// The object must not be changed, or does not prove the delivery.
    #[error("the ExternalSecret {object} does not deliver secret {secret}")]
    Refused {
        /// Namespace and name.
        object: String,
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// Two field managers apply the same object.
    #[error("the ExternalSecret {object} is also applied by {managers}, with other contents: {conflict}")]
    Conflict {
        /// Namespace and name.
        object: String,
        /// The other field managers.
        managers: String,
        /// The message of the API server.
        conflict: String,
    },
    /// The operator refuses to write the Kubernetes Secret.
    #[error(
        "External Secrets Operator reports that the Kubernetes Secret {object} belongs to another ExternalSecret"
    )]
    SecretTaken {
        /// Namespace and name.
        object: String,
    },
    /// The broker refuses the login of the version, for which nobody vouches.
    #[error("{0}")]
    HeldBack(Box<Held>),
    /// The operator has not confirmed it.
    #[error(
        "External Secrets Operator did not sync the ExternalSecret {object} to version {version} within {} s; it reports: {said}",
        .waited.as_secs()
    )]
    NotSynced {
        /// Namespace and name.
        object: String,
        /// The version.
        version: String,
        /// How long secret2eks waited.
        waited: Duration,
        /// The message of its condition Ready.
        said: String,
    },
    /// The current version changes faster than it can be delivered.
    #[error(
        "the current version or the tags of secret {secret}, or its ExternalSecret, changed during each of {rounds} deliveries"
    )]
    MovedOn {
        /// The secret's ARN.
        secret: String,
        /// How many.
        rounds: usize,
    },
    /// The delivery could not be put into the function's own queue.
    #[error("failed to request the delivery of secret {secret}")]
    Request {
        /// The secret's ARN.
        secret: String,
        /// Why.
        #[source]
        source: RequestError,
    },
    /// A list of Secrets Manager could not be read.
    #[error("failed to list the {what} that go to the cluster")]
    List {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A reconcile has too little time. What it has done stays done.
    #[error("the reconcile had no time left for {0}")]
    Cut(&'static str),
    /// A reconcile would take back more than it may.
    #[error(
        "more than {limit} ExternalSecrets in the cluster `{cluster}` have lost their secret, such as {example}, so none was \
         taken back"
    )]
    Withheld {
        /// How many it may take back.
        limit: usize,
        /// The cluster.
        cluster: String,
        /// One of them.
        example: String,
    },
    /// A reconcile failed for some objects.
    #[error("the reconcile failed for {failures} objects or secrets, and did the rest")]
    Reconcile {
        /// How many.
        failures: usize,
        /// The first failure.
        #[source]
        source: Box<DeliveryError>,
    },
    /// Time ran out.
    #[error("the delivery was stopped {} s after its start, before Lambda's own timeout", .0.as_secs())]
    TimedOut(Duration),
}

impl DeliveryError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Event(_) => Kind::EventInvalid,
            Self::Secret { source, .. } => source.kind(),
            Self::Tags { .. } | Self::OtherCluster { .. } => Kind::DeliveryTagsInvalid,
            Self::Connect { source, .. } => match source {
                ConnectError::Lookup(source) => source.kind(),
                ConnectError::Api(source) => source.kind(),
                ConnectError::NoCredentials | ConnectError::Token(_) => Kind::ClusterLoginRefused,
            },
            Self::Api { source, .. } => source.kind(),
            Self::NamespaceMissing { .. } => Kind::DeliveryNamespaceMissing,
            Self::TenantMismatch { .. } => Kind::DeliveryTenantMismatch,
            Self::Refused { source: Refusal::Missing, .. } => Kind::DeliveryExternalSecretMissing,
            Self::Refused {
                source: Refusal::OtherSecret(_) | Refusal::NotOurs | Refusal::ReadsOtherSecrets,
                ..
            }
            | Self::SecretTaken { .. } => Kind::DeliveryNameTaken,
            Self::Refused { .. } | Self::NotSynced { .. } | Self::MovedOn { .. } => Kind::DeliveryNotSynced,
            Self::Conflict { .. } => Kind::DeliveryConflict,
            Self::HeldBack(held) => held.kind(),
            Self::Request { .. } => Kind::DeliveryRequestFailed,
            Self::List { source, .. } => source.kind(),
            Self::Withheld { .. } => Kind::DeliveryTakeBackWithheld,
            Self::Reconcile { source, .. } => source.kind(),
            Self::Cut(_) | Self::TimedOut(_) => Kind::DeliveryTimedOut,
        }
    }

    /// Whether a new connection may fix it: an old token, another endpoint, another certificate authority.
    #[must_use]
    pub fn is_of_the_connection(&self) -> bool {
        let cured = [Kind::ClusterLoginRefused, Kind::ClusterUnreachable, Kind::ClusterTlsRefused];
        matches!(self, Self::Api { .. }) && cured.contains(&self.kind())
    }
}

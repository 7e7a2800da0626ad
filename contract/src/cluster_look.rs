//! What secret2eks answers when it is asked to look at its cluster. It only looks, and no answer holds a value.

use serde::{Deserialize, Serialize};

use crate::Finding;

/// The value of the `schema` field.
pub const CLUSTER_LOOK_SCHEMA: &str = "rotation-cluster-look/1";

/// What secret2eks sees of its cluster (`schemas/cluster-look.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterLook {
    /// [`CLUSTER_LOOK_SCHEMA`].
    pub schema: String,
    /// The name of the cluster.
    pub cluster: String,
    /// The version of Kubernetes, for example `v1.35.4`. None if it could not be found out.
    pub kubernetes: Option<String>,
    /// The served versions of the API `external-secrets.io`. Empty if the operator's definitions are missing; none if it could
    /// not be found out.
    pub api_versions: Option<Vec<String>>,
    /// The version of External Secrets Operator, from the image of its Deployment `external-secrets/external-secrets`. None if
    /// there is no such Deployment or its image has no version.
    pub operator: Option<String>,
    /// What secret2eks needs in the whole cluster and may not do, for example `list externalsecrets.external-secrets.io`.
    pub missing_permissions: Vec<String>,
    /// One for each secret that was asked for, in that order.
    pub places: Vec<PlaceLook>,
}

impl ClusterLook {
    /// The most secrets in one request.
    pub const SECRETS_LIMIT: usize = 50;
}

/// The place of one secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceLook {
    /// The secret as it was asked for.
    pub secret: String,
    /// Whether its tags define that it goes to this cluster. If they do not, the other fields are empty.
    pub is_for_this_cluster: bool,
    /// Whether the secret belongs to a tenant.
    pub has_tenant: bool,
    /// Why the place cannot be used, the first reason.
    pub problem: Option<Finding>,
    /// The namespace in the tags.
    pub namespace: Option<String>,
    /// Whether the namespace exists. None if it could not be found out.
    pub namespace_exists: Option<bool>,
    /// The store in the tags, for example `SecretStore/aws`. None in the mode `refresh`, in which GitOps names the store.
    pub store: Option<StoreLook>,
    /// What secret2eks needs in the namespace and may not do, for example `patch externalsecrets.external-secrets.io`.
    pub missing_permissions: Vec<String>,
}

/// One store of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreLook {
    /// Kind and name, as in the tag.
    pub name: String,
    /// What the operator reports of it.
    pub state: StoreState,
    /// The operator's message, or why the store could not be read. Foreign text.
    pub message: Option<String>,
}

/// The condition `Ready` of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreState {
    /// It is `True`.
    Ready,
    /// It is not `True`, or the operator has not reported it yet.
    NotReady,
    /// There is no such store.
    Missing,
    /// It could not be read.
    Unknown,
}

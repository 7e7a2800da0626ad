//! What one invocation answers.

use contract::Kind;
use serde::Serialize;

use crate::held::Held;

/// Something that people have to know of a delivery that did not fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is, to match on.
    pub kind: Kind,
    /// What it is, for people.
    pub message: String,
}

/// How an invocation ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// The cluster holds this version.
    Delivered {
        /// The version.
        version_id: String,
        /// The namespace.
        namespace: String,
        /// The name of the ExternalSecret and the Kubernetes Secret.
        name: String,
        /// Whether something had to be written.
        changed: bool,
        /// What people have to know although the delivery has succeeded. dlq-handler makes an incident of it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<Warning>,
    },
    /// The broker refuses the login of the version that is current, so the cluster keeps what it has.
    HeldBack {
        /// The version.
        version_id: String,
        /// What people have to know. dlq-handler makes an incident of it.
        warnings: Vec<Warning>,
    },
    /// The secret's tag names another cluster, whose own secret2eks receives the event, too. Nothing was delivered, so this
    /// ends no incident.
    OtherCluster {
        /// The other cluster.
        cluster: String,
    },
    /// There is nothing to do.
    NotForKubernetes {
        /// Why.
        reason: &'static str,
    },
    /// A secret was created, deleted or restored, or its tags were changed.
    Followed {
        /// Whether its delivery was requested.
        requested: bool,
        /// Its objects that were taken back.
        taken_back: u64,
        /// Its objects about which the reconcile decides.
        left_to_reconcile: usize,
    },
    /// The whole cluster was compared with the tags of all secrets.
    Reconciled {
        /// Secrets that go to the cluster.
        secrets: usize,
        /// `ExternalSecrets` in the cluster, those of others included.
        objects: usize,
        /// Deliveries that were requested.
        requested: usize,
        /// Deliveries that the next run requests.
        waiting: usize,
        /// Objects that were taken back.
        taken_back: usize,
    },
}

impl Outcome {
    /// The answer for a version that the broker refuses.
    #[must_use]
    pub fn held_back(held: &Held) -> Self {
        let warning = Warning { kind: held.kind(), message: held.to_string() };
        Self::HeldBack { version_id: held.version.clone(), warnings: vec![warning] }
    }
}

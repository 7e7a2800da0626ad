//! What secret2eks decides.

use std::time::Duration;

use secret2eks::config::Config;
use secret2eks::external_secret::{self, Plan, Proof, Sync, Wanted};
use secret2eks::receipt;
use secret2eks::route::{Route, Routing, route};
use secret2eks::secret_store::Description;
use serde_json::{Value, json};
use std::sync::LazyLock;

pub use secret2eks::in_cluster::Converged;

use super::{ARN, name, remembered, tags};
use crate::rotation::world::{Annotations, Cluster, Id, Secret};

static ROUTE: LazyLock<Option<Route>> = LazyLock::new(|| match route(&tags(None, true, None, None)) {
    Ok(Routing::To(route)) => Some(route),
    _ => None,
});

/// What to do with the ExternalSecret, by [`external_secret::plan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Todo {
    /// Nothing.
    Nothing,
    /// Write it; the operator has finished with the present object.
    Write,
    /// Write it, and then ask again, because a sync may be in progress.
    WriteAndAsk,
    /// Ask again.
    Ask,
    /// Ask for a proof.
    Prove,
}

/// What proves a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Proven {
    /// Another object was synced than these annotations.
    Change(Option<(Id, u8)>),
    /// The sync began after this write.
    After(u8),
}

type Objects = (Option<Annotations>, Option<Annotations>);

/// Compares the object in the cluster with the wanted one, and asks for a proof if the receipt is due. None if it must not be
/// changed.
#[must_use]
pub fn plan(cluster: &Cluster, version: Id, receipt: Option<Id>, is_receipt_due: bool) -> Option<Todo> {
    let key = ((cluster.object, cluster.synced), version, receipt, is_receipt_due);
    remembered!(key, (Objects, Id, Option<Id>, bool) => Option<Todo>, {
        let existing = object(cluster);
        let plan = external_secret::plan(existing.as_ref(), wanted(version, receipt)?).ok()?;
        match plan.with_proof(is_receipt_due) {
            Plan::Nothing => Some(Todo::Nothing),
            Plan::Write { settled: true } => Some(Todo::Write),
            Plan::Write { settled: false } => Some(Todo::WriteAndAsk),
            Plan::AskAgain => Some(Todo::Ask),
            Plan::Prove => Some(Todo::Prove),
            Plan::SetBack { .. } => None,
        }
    })
}

/// Whether the operator has brought the version, by [`external_secret::sync_state`]. None if not yet.
#[must_use]
pub fn converged(cluster: &Cluster, version: Id, proof: Proven) -> Option<Converged> {
    let key = ((cluster.object, cluster.synced), version, proof);
    remembered!(key, (Objects, Id, Proven) => Option<Converged>, {
        let proof = match proof {
            Proven::Change(before) => {
                Proof::Change(before.map(|(version, request)| synced_version(version, request)))
            }
            Proven::After(write) => Proof::After(written_at(write)),
        };
        let object = object(cluster)?;
        match external_secret::sync_state(&object, name(version), &proof) {
            Sync::Done if external_secret::is_evidence(&object, wanted(version, None)?).is_ok() => {
                Some(Converged::Synced)
            }
            Sync::Superseded => Some(Converged::Superseded),
            _ => None,
        }
    })
}

/// Whether the delivery is over: [`receipt::is_earned`].
#[must_use]
pub fn is_earned(converged: Converged, version: Id, current: Id) -> bool {
    receipt::is_earned(converged, name(version), Some(name(current)))
}

/// Whether the receipt is written: [`receipt::is_due`]. The other parameters are what the delivery has read.
#[must_use]
pub fn is_due(secret: &Secret, version: Id, receipt: Option<Id>) -> bool {
    remembered!((secret.enabled, version, receipt), (bool, Id, Option<Id>) => bool, {
        let description = Description {
            arn: ARN.to_owned(),
            current: None,
            // A secret that is rotated needs a receipt also while its rotation is off.
            tags: tags(None, true, receipt, Some((&CONFIG.rotation_tag_key, "rotate"))),
            primary_region: None,
            rotation_enabled: secret.enabled,
        };
        receipt::is_due(&CONFIG, &description, name(version))
    })
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| Config {
    cluster: "shop".to_owned(),
    sync_timeout: Duration::from_secs(60),
    write_receipt: true,
    rotation_tag_key: "rotation-mq".to_owned(),
    secrets_arn_prefix: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/".to_owned(),
    take_back_limit: 0,
    function: None,
    inspect: None,
    call_timeout: Duration::from_secs(8),
});

fn wanted(version: Id, receipt: Option<Id>) -> Option<Wanted<'static>> {
    let route = ROUTE.as_ref()?;
    // The check of a login is not in the model: it can only keep a version back that does not log in.
    Some(Wanted { route, arn: ARN, version: name(version), receipt: receipt.map(name), unchecked: false })
}

/// The ExternalSecret as the API server returns it. A write is ten seconds after the one before, and a sync five seconds
/// after the write that it has seen.
fn object(cluster: &Cluster) -> Option<Value> {
    let there = cluster.object?;
    let asked =
        Some(there.request).filter(|request| *request != 0).map(|request| format!("request-{request}"));
    let mut object = external_secret::desired(wanted(there.version, None)?, asked.as_deref());
    object["metadata"]["generation"] = json!(1);
    object["metadata"]["managedFields"] = json!([{
        "manager": external_secret::FIELD_MANAGER, "operation": "Apply", "time": written_at(there.writes).to_string(),
        "fieldsV1": {"f:spec": {}},
    }]);
    if let Some(synced) = cluster.synced {
        object["status"] = json!({
            "refreshTime": synced_at(synced.writes).to_string(),
            "syncedResourceVersion": synced_version(synced.version, synced.request),
            "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced"}],
        });
    }
    Some(object)
}

/// `<generation>-<hash of labels and annotations>`.
fn synced_version(version: Id, request: u8) -> String {
    format!("1-{}-{request}", name(version))
}

fn written_at(write: u8) -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_800_000_000 + 10 * i64::from(write))
}

fn synced_at(write: u8) -> jiff::Timestamp {
    written_at(write) + jiff::SignedDuration::from_secs(5)
}

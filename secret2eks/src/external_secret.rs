//! The ExternalSecret: what it should be, whether the one in the cluster is that, and whether the operator
//! has synced it. Pure.
//! <https://external-secrets.io/latest/api/externalsecret/>

use contract::cut;
use serde_json::{Value, json};

use self::drift::drift;
pub use self::drift::{other_appliers, set_back, who_applies_the_specification};
pub use self::ours::{Delivered, ours, suffix};
pub use self::pin::{is_pinned, is_unchecked, pinned, written_version};
pub use self::refusal::{Refusal, Unproven};
pub use self::sync::{Proof, Sync, is_ready, next_refresh, sync_state, synced_resource_version, written_at};
use self::sync::{is_settled, was_synced};
use crate::route::{Mode, Route};

mod drift;
mod ours;
mod pin;
mod refusal;
mod shape;
mod sync;
mod template;

/// Group of the operator's API.
pub const API_GROUP: &str = "external-secrets.io";
/// Group and version of the API that this code uses. External Secrets Operator has served it since 0.16.
pub const API_VERSION: &str = "external-secrets.io/v1";
/// The field manager of secret2eks in server-side apply, and the value of its label.
pub const FIELD_MANAGER: &str = "secret2eks";

/// Which secret an ExternalSecret belongs to.
pub const ARN_ANNOTATION: &str = "secret2eks/secret-arn";
/// The version that was current when the object was written. Any change of an annotation makes the operator sync at once.
/// The same value again does nothing.
pub const VERSION_ANNOTATION: &str = "secret2eks/version-id";
/// The request that asked for another sync of the same version.
const ASKED_ANNOTATION: &str = "secret2eks/asked-by";
/// The version, if it was delivered although it could not be checked. The reconcile requests it again until it is checked.
const UNCHECKED_ANNOTATION: &str = "secret2eks/unchecked";
/// The version that is AWSCURRENT but is not delivered, because the broker refuses its login.
const HELD_ANNOTATION: &str = "secret2eks/held-back";
const LABEL: &str = "app.kubernetes.io/managed-by";
/// The six random characters at the end of the secret's ARN. The API server selects by labels, but not by annotations, so
/// this label finds the objects of one secret in any namespace.
pub const SUFFIX_LABEL: &str = "secret2eks/secret-suffix";
/// How often the operator reads by itself. Changes do not wait for it. It has the form in which the operator writes it: the
/// operator rewrites `1h` when it adds its finalizer, and the next apply would conflict with that.
const REFRESH_INTERVAL: &str = "1h0m0s";

/// The longest foreign text in a refusal, in bytes. Annotations have up to 256 KiB.
const NAME_BYTES: usize = 1_000;

/// What the cluster should hold.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where the secret is delivered, and who owns the object.
    pub route: &'a Route,
    /// The secret's complete ARN.
    pub arn: &'a str,
    /// The version that is AWSCURRENT.
    pub version: &'a str,
    /// The version that an earlier delivery proved to be in the cluster.
    pub receipt: Option<&'a str>,
    /// Whether the version is delivered although its login could not be checked.
    pub unchecked: bool,
}

/// What to do with the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: it is right, and was synced since then.
    Nothing,
    /// Write it. The operator sees a change.
    Write {
        /// Whether the operator has finished with the present object. Otherwise the next sync may be one that began before the
        /// write and read an older version.
        settled: bool,
    },
    /// It is right, but the time of its last sync is not certain. Write something new into it.
    AskAgain,
    /// It is right, and the operator has finished with it, but the receipt is due. Write something new into it, and wait for the
    /// sync of that change.
    Prove,
    /// Its specification is not the one that secret2eks wrote. Remove additional fields, and write it.
    SetBack {
        /// The fields that differ.
        fields: String,
    },
}

impl Plan {
    /// The plan if the receipt is due. A sync since the last write then proves nothing: the operator also reads the secret by
    /// itself, and AWSCURRENT may have been another version, which somebody has rolled back since then.
    #[must_use]
    pub fn with_proof(self, is_receipt_due: bool) -> Self {
        match self {
            Self::Nothing if is_receipt_due => Self::Prove,
            other => other,
        }
    }
}

/// Compares the object in the cluster with the wanted one.
///
/// # Errors
/// When the object must not be changed, or could not prove that the current value arrived.
pub fn plan(existing: Option<&Value>, wanted: Wanted<'_>) -> Result<Plan, Refusal> {
    let Route { mode, name, .. } = wanted.route;
    let Some(existing) = existing else {
        let is_made_by_others = *mode == Mode::Refresh;
        return if is_made_by_others { Err(Refusal::Missing) } else { Ok(Plan::Write { settled: true }) };
    };
    if !existing["metadata"]["deletionTimestamp"].is_null() {
        return Err(Refusal::BeingDeleted);
    }
    match annotation(existing, ARN_ANNOTATION) {
        Some(arn) if arn != wanted.arn => return Err(Refusal::OtherSecret(cut(arn, NAME_BYTES))),
        None if *mode != Mode::Refresh => return Err(Refusal::NotOurs),
        _ => {}
    }
    if let Some(owner) = cluster_external_secret(existing) {
        return Err(Refusal::OfClusterExternalSecret(owner));
    }
    if *mode == Mode::Refresh {
        shape::is_understood(existing, wanted.arn, name)?;
    } else if let Some(fields) = drift(existing, wanted) {
        return Ok(Plan::SetBack { fields });
    }
    let settled = is_settled(existing, wanted.receipt);
    let is_marked_right = is_unchecked(existing) == wanted.unchecked;
    if !is_marked_right || !contains(existing, &desired(wanted, None)) {
        Ok(Plan::Write { settled })
    } else if settled {
        Ok(Plan::Nothing)
    } else {
        Ok(Plan::AskAgain)
    }
}

/// Whether the operator writes the current value from the object that it has synced. This is checked after each sync,
/// because somebody may have changed the object since it was compared.
///
/// # Errors
/// Why it does not.
pub fn is_evidence(object: &Value, wanted: Wanted<'_>) -> Result<(), Refusal> {
    if wanted.route.mode == Mode::Refresh {
        return shape::is_understood(object, wanted.arn, &wanted.route.name);
    }
    drift(object, wanted).map_or(Ok(()), |fields| Err(Refusal::ChangedAgain(fields)))
}

/// The fields to write. `asked_by` differs for each request, so that the operator sees a change.
#[must_use]
pub fn desired(wanted: Wanted<'_>, asked_by: Option<&str>) -> Value {
    let Wanted { route, arn, version, .. } = wanted;
    let mut annotations = json!({ARN_ANNOTATION: arn, VERSION_ANNOTATION: version});
    if let Some(request) = asked_by {
        annotations[ASKED_ANNOTATION] = json!(request);
    }
    if wanted.unchecked {
        annotations[UNCHECKED_ANNOTATION] = json!(version);
    }
    let Mode::Apply { store, keys } = &route.mode else {
        return json!({"metadata": {"annotations": annotations}});
    };
    let mut labels = json!({LABEL: FIELD_MANAGER});
    if let Some(suffix) = suffix(arn) {
        labels[SUFFIX_LABEL] = json!(suffix);
    }
    let data: Vec<Value> = keys
        .iter()
        .map(|key| json!({"secretKey": key, "remoteRef": {"key": arn, "property": key}}))
        .collect();
    json!({
        "apiVersion": API_VERSION,
        "kind": "ExternalSecret",
        "metadata": {
            "name": route.name,
            "namespace": route.namespace,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {
            "refreshInterval": REFRESH_INTERVAL,
            "refreshPolicy": "Periodic",
            "secretStoreRef": {"kind": store.kind, "name": store.name},
            "target": {"name": route.name, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "data": data,
        },
    })
}

/// The fields of [`desired`], as a patch for an object that GitOps owns. Server-side apply removes what is no longer applied. A
/// patch has to name it.
#[must_use]
pub fn patch(wanted: Wanted<'_>, asked_by: Option<&str>) -> Value {
    let mut fields = desired(wanted, asked_by);
    if !wanted.unchecked {
        fields["metadata"]["annotations"][UNCHECKED_ANNOTATION] = Value::Null;
    }
    fields
}

/// Whether the cluster holds the wanted version, at a time when no sync is in progress. A store or an operator that is down
/// since then changes nothing: the Kubernetes Secret keeps the value. [`is_ready`] shows that.
///
/// A delivery does not accept a sync in the second of its write: that sync may have read the version before. Some time
/// later, it is accepted. The operator would have synced again, because the write changed an annotation.
#[must_use]
pub fn holds(existing: &Value, wanted: Wanted<'_>) -> bool {
    let is_right = matches!(plan(Some(existing), wanted), Ok(Plan::Nothing | Plan::AskAgain));
    is_right && was_synced(existing)
}

/// The `ClusterExternalSecret` that created the object.
fn cluster_external_secret(object: &Value) -> Option<String> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["kind"] == "ClusterExternalSecret")?;
    Some(cut(owner["name"].as_str().unwrap_or_default(), NAME_BYTES))
}

/// Whether all of `part` is in `whole`. The API server adds defaults and fields of its own.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        _ => whole == part,
    }
}

fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object["metadata"]["annotations"][key].as_str()
}

#[cfg(test)]
mod tests;

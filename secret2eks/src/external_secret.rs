//! The ExternalSecret: what it should be, whether the one in the cluster is that, and whether the operator
//! has synced it. Pure.
//! <https://external-secrets.io/latest/api/externalsecret/>

use contract::names_same_secret;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::route::{Mode, Route};

/// Group and version that this code speaks, served by External Secrets Operator since 0.16.
pub const API_VERSION: &str = "external-secrets.io/v1";
/// Owner of our fields in server-side apply, and the value of our label.
pub const FIELD_MANAGER: &str = "secret2eks";

/// Which secret an ExternalSecret belongs to.
pub const ARN_ANNOTATION: &str = "secret2eks/secret-arn";
/// The version that was current when it was written. Any change of an annotation makes the operator sync at
/// once, the same value again does nothing.
pub const VERSION_ANNOTATION: &str = "secret2eks/version-id";
/// The request that asked for a sync of a version that was asked for before.
const ASKED_ANNOTATION: &str = "secret2eks/asked-by";
const LABEL: &str = "app.kubernetes.io/managed-by";
/// The operator reads again by itself this often; changes do not wait for it. Written as the operator writes it:
/// it rewrites `1h` when it adds its finalizer, and the next apply would conflict with it.
const REFRESH_INTERVAL: &str = "1h0m0s";

/// What the cluster should hold.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where, and who owns the object.
    pub route: &'a Route,
    /// The secret's complete ARN.
    pub arn: &'a str,
    /// The version that is AWSCURRENT.
    pub version: &'a str,
    /// The version that an earlier delivery proved to be in the cluster.
    pub receipt: Option<&'a str>,
}

/// What to do with the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is right and was synced since it is.
    Nothing,
    /// Write it; the operator sees a change.
    Write {
        /// Whether the operator is done with what is there now. Otherwise the next sync that is seen may be one that
        /// began before the write, and read an older version.
        settled: bool,
    },
    /// It is right, but when it was synced last is not certain: write something new into it.
    AskAgain,
}

/// Why the object is not touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It carries another secret's ARN.
    #[error("it belongs to the secret {0}")]
    OtherSecret(String),
    /// It carries no ARN, so somebody else made it.
    #[error(
        "it was not made by secret2eks; where GitOps owns it, set the tag `secret2eks/mode` to `refresh`"
    )]
    NotOurs,
    /// Mode `refresh`, and it reads something else.
    #[error("none of its `remoteRef` keys names this secret")]
    ReadsOtherSecrets,
    /// Mode `refresh`, and it would ignore us.
    #[error("its refresh policy ignores a forced sync: use `OnChange`, or `Periodic` with an interval")]
    IgnoresForcedSync,
    /// Mode `refresh`, and it is not there.
    #[error("it does not exist, and the tag `secret2eks/mode` says that GitOps makes it")]
    Missing,
}

/// What proves that a sync began after the object was as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// `syncedResourceVersion` is another one than this, which was read from a settled object before the write.
    Change(Option<String>),
    /// The sync began in a later second than this one.
    After(Timestamp),
}

/// Whether the operator has brought the wanted version into the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// Since the object was written.
    Done,
    /// Not yet; what the operator says of it.
    Pending(Option<String>),
    /// Another request wrote another version meanwhile.
    Superseded,
}

/// Compares what is there with what is wanted.
///
/// # Errors
/// When the object is not to be touched.
pub fn plan(existing: Option<&Value>, wanted: Wanted<'_>) -> Result<Plan, Refusal> {
    let refresh = wanted.route.mode == Mode::Refresh;
    let Some(existing) = existing else {
        return if refresh { Err(Refusal::Missing) } else { Ok(Plan::Write { settled: true }) };
    };
    match annotation(existing, ARN_ANNOTATION) {
        Some(arn) if arn != wanted.arn => return Err(Refusal::OtherSecret(arn.to_owned())),
        None if !refresh => return Err(Refusal::NotOurs),
        _ => {}
    }
    if refresh {
        refuse_what_refresh_cannot_serve(existing, wanted.arn)?;
    }
    let settled = is_settled(existing, wanted.receipt);
    if !contains(existing, &desired(wanted, None)) {
        Ok(Plan::Write { settled })
    } else if settled {
        Ok(Plan::Nothing)
    } else {
        Ok(Plan::AskAgain)
    }
}

/// The fields to write. `asked_by` is new with each request, so that the operator sees a change.
#[must_use]
pub fn desired(wanted: Wanted<'_>, asked_by: Option<&str>) -> Value {
    let Wanted { route, arn, version, .. } = wanted;
    let mut annotations = json!({ARN_ANNOTATION: arn, VERSION_ANNOTATION: version});
    if let Some(request) = asked_by {
        annotations[ASKED_ANNOTATION] = json!(request);
    }
    let Mode::Apply { store, keys } = &route.mode else {
        return json!({"metadata": {"annotations": annotations}});
    };
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
            "labels": {LABEL: FIELD_MANAGER},
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

/// Whether the operator has synced `object` since it is as it should be.
#[must_use]
pub fn sync_state(object: &Value, version: &str, proof: &Proof) -> Sync {
    if annotation(object, VERSION_ANNOTATION) != Some(version) {
        return Sync::Superseded;
    }
    let proved = match proof {
        Proof::Change(before) => synced_resource_version(object) != before.as_deref(),
        Proof::After(second) => synced_at(object).is_some_and(|synced| synced > *second),
    };
    if proved && is_ready(object) && is_of_this_generation(object) {
        return Sync::Done;
    }
    let ready = ready_condition(object);
    let said = ready.filter(|ready| ready["status"] != "True").and_then(|ready| ready["message"].as_str());
    Sync::Pending(said.map(|said| said.chars().take(500).collect()))
}

/// `status.syncedResourceVersion`: `<generation>-<hash of labels and annotations>`.
#[must_use]
pub fn synced_resource_version(object: &Value) -> Option<&str> {
    object["status"]["syncedResourceVersion"].as_str()
}

/// Who else declares this object with server-side apply. An edit by hand (`Update`) is drift and is
/// overwritten; two who apply would fight for ever.
#[must_use]
pub fn other_appliers(object: &Value) -> Vec<&str> {
    managers(object)
        .filter(|manager| manager["operation"] == "Apply" && manager["manager"] != FIELD_MANAGER)
        .filter_map(|manager| manager["manager"].as_str())
        .collect()
}

fn refuse_what_refresh_cannot_serve(existing: &Value, arn: &str) -> Result<(), Refusal> {
    let spec = &existing["spec"];
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let data = items(&spec["data"]).into_iter().map(|item| item["remoteRef"]["key"].clone());
    let whole = items(&spec["dataFrom"]).into_iter().map(|item| item["extract"]["key"].clone());
    if !data.chain(whole).any(|key| key.as_str().is_some_and(|key| names_same_secret(arn, key))) {
        return Err(Refusal::ReadsOtherSecrets);
    }
    let interval = spec["refreshInterval"].as_str().unwrap_or(REFRESH_INTERVAL);
    let never = interval.chars().all(|c| !c.is_ascii_digit() || c == '0');
    match spec["refreshPolicy"].as_str() {
        Some("OnChange") => Ok(()),
        Some("CreatedOnce") => Err(Refusal::IgnoresForcedSync),
        _ if never => Err(Refusal::IgnoresForcedSync),
        _ => Ok(()),
    }
}

/// Whether all of `part` is in `whole`; the API server adds defaults and fields of its own.
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

/// When we wrote it last; whole seconds.
#[must_use]
pub fn written_at(object: &Value) -> Option<Timestamp> {
    let ours = managers(object).filter(|manager| manager["manager"] == FIELD_MANAGER);
    ours.filter_map(|manager| time(&manager["time"])).max()
}

/// Whether the operator is done with what is there. Both times have whole seconds, so a sync in the second of the
/// write may have begun before it; then the receipt of that version is the proof.
fn is_settled(object: &Value, receipt: Option<&str>) -> bool {
    let proved = receipt.is_some() && receipt == annotation(object, VERSION_ANNOTATION);
    let times = written_at(object).zip(synced_at(object));
    let after = times.is_some_and(|(written, synced)| synced > written || synced == written && proved);
    after && is_ready(object) && is_of_this_generation(object)
}

/// When the last sync began; whole seconds.
fn synced_at(object: &Value) -> Option<Timestamp> {
    time(&object["status"]["refreshTime"])
}

fn is_of_this_generation(object: &Value) -> bool {
    let synced = synced_resource_version(object).and_then(|version| version.split('-').next()?.parse().ok());
    synced.is_some() && synced == object["metadata"]["generation"].as_u64()
}

fn is_ready(object: &Value) -> bool {
    ready_condition(object).is_some_and(|ready| ready["status"] == "True")
}

fn ready_condition(object: &Value) -> Option<&Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")
}

/// Who wrote which fields, but for the status, which is the operator's.
fn managers(object: &Value) -> impl Iterator<Item = &Value> {
    let all = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|manager| manager["subresource"].as_str().unwrap_or_default().is_empty())
}

fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object["metadata"]["annotations"][key].as_str()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;

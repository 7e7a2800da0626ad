//! Whether the operator has synced an ExternalSecret since the object became right. Pure.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{FIELD_MANAGER, VERSION_ANNOTATION, annotation};

/// The operator's reason for "the Kubernetes Secret has the data". The object is Ready with other reasons, too:
/// `SecretMissing` (`creationPolicy: Merge`, and no Secret exists) and `SecretDeleted`.
const SYNCED: &str = "SecretSynced";
/// The operator also reports `SecretSynced` if the store returned nothing and it did not change the Secret.
const LEFT_AS_IT_WAS: &str = "retained";
const MESSAGE_LIMIT: usize = 500;

/// What proves that a sync began after the object became right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// `syncedResourceVersion` differs from this one, which was read from a settled object before the write.
    Change(Option<String>),
    /// The sync began in a later second than this one.
    After(Timestamp),
}

/// Whether the operator has brought the wanted version into the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// Yes, since the object was written.
    Done,
    /// Not yet. Holds the operator's message.
    Pending(Option<String>),
    /// It reports success but has not written the value. Holds the operator's message.
    NotWritten(String),
    /// Another request wrote another version meanwhile.
    Superseded,
}

/// Whether the operator has synced `object` since the object became right.
#[must_use]
pub fn sync_state(object: &Value, version: &str, proof: &Proof) -> Sync {
    if annotation(object, VERSION_ANNOTATION) != Some(version) {
        return Sync::Superseded;
    }
    let proved = match proof {
        Proof::Change(before) => synced_resource_version(object) != before.as_deref(),
        Proof::After(second) => synced_at(object).is_some_and(|synced| synced > *second),
    };
    let ready = ready_condition(object);
    let said = ready.and_then(|ready| ready["message"].as_str());
    let said = said.map(|said| said.chars().take(MESSAGE_LIMIT).collect::<String>());
    let is_ready = ready.is_some_and(|ready| ready["status"] == "True");
    match (proved && is_of_this_generation(object), is_ready) {
        (true, true) if has_written(object) => Sync::Done,
        (true, true) => Sync::NotWritten(said.unwrap_or_default()),
        (_, true) => Sync::Pending(None),
        (_, false) => Sync::Pending(said),
    }
}

/// `status.syncedResourceVersion`: `<generation>-<hash of labels and annotations>`.
#[must_use]
pub fn synced_resource_version(object: &Value) -> Option<&str> {
    object["status"]["syncedResourceVersion"].as_str()
}

/// When secret2eks last wrote it, in whole seconds.
#[must_use]
pub fn written_at(object: &Value) -> Option<Timestamp> {
    let ours = managers(object).filter(|manager| manager["manager"] == FIELD_MANAGER);
    ours.filter_map(|manager| time(&manager["time"])).max()
}

/// Whether the operator has finished with the present object. Both times are in whole seconds, so a sync in the second of
/// the write may have begun before it. In that case, the receipt of that version is the proof.
pub(super) fn is_settled(object: &Value, receipt: Option<&str>) -> bool {
    let proved = receipt.is_some() && receipt == annotation(object, VERSION_ANNOTATION);
    let times = written_at(object).zip(synced_at(object));
    let after = times.is_some_and(|(written, synced)| synced > written || synced == written && proved);
    after && has_written(object) && is_of_this_generation(object)
}

/// Whether the operator has synced the object since it was last written, some time ago. What it reports since then does not
/// count: a store that is down for an hour takes no value out of the cluster. Only if it reports success without having
/// written the value, the sync proves nothing.
pub(super) fn was_synced(object: &Value) -> bool {
    let times = written_at(object).zip(synced_at(object));
    let is_empty_success = is_ready(object) && !has_written(object);
    times.is_some_and(|(written, synced)| synced >= written)
        && is_of_this_generation(object)
        && !is_empty_success
}

/// Whether the operator reports that its last sync succeeded.
#[must_use]
pub fn is_ready(object: &Value) -> bool {
    ready_condition(object).is_some_and(|ready| ready["status"] == "True")
}

/// When the operator reads the secret by itself the next time. None if it does not, or if that is unknown.
#[must_use]
pub fn next_refresh(object: &Value) -> Option<Timestamp> {
    let spec = &object["spec"];
    // Without a policy, the operator reads periodically.
    if !matches!(spec["refreshPolicy"].as_str(), None | Some("Periodic")) {
        return None;
    }
    // Kubernetes writes `1h0m0s`, which is a form that jiff reads.
    let interval: SignedDuration = spec["refreshInterval"].as_str().unwrap_or("1h0m0s").parse().ok()?;
    if interval.is_zero() {
        return None;
    }
    synced_at(object)?.checked_add(interval).ok()
}

/// Who wrote which fields, except for the status, which belongs to the operator.
pub(super) fn managers(object: &Value) -> impl Iterator<Item = &Value> {
    let all = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|manager| manager["subresource"].as_str().unwrap_or_default().is_empty())
}

/// When the last sync began, in whole seconds.
fn synced_at(object: &Value) -> Option<Timestamp> {
    time(&object["status"]["refreshTime"])
}

fn is_of_this_generation(object: &Value) -> bool {
    let synced = synced_resource_version(object).and_then(|version| version.split('-').next()?.parse().ok());
    synced.is_some() && synced == object["metadata"]["generation"].as_u64()
}

/// Whether the operator says that the Kubernetes Secret has the data.
fn has_written(object: &Value) -> bool {
    ready_condition(object).is_some_and(|ready| {
        let said = ready["message"].as_str().unwrap_or_default();
        ready["status"] == "True" && ready["reason"] == SYNCED && !said.contains(LEFT_AS_IT_WAS)
    })
}

fn ready_condition(object: &Value) -> Option<&Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

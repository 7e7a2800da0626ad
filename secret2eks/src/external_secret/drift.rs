//! What others have changed in an ExternalSecret of secret2eks, and the patch that restores it. Pure.

use serde_json::{Map, Value, json};

use super::refusal::named;
use super::sync::managers;
use super::{FIELD_MANAGER, Wanted, desired};

/// The defaults that the API server, or a newer one, adds to a `remoteRef`.
const DEFAULTS: [(&str, &str); 4] = [
    ("metadataPolicy", "None"),
    ("conversionStrategy", "Default"),
    ("decodingStrategy", "None"),
    ("nullBytePolicy", "Ignore"),
];
/// The number of differences that a message names.
const FIELDS_LIMIT: usize = 5;

/// The fields of the specification that are not as secret2eks writes them. Defaults of the API server do not count.
pub(super) fn drift(object: &Value, wanted: Wanted<'_>) -> Option<String> {
    let mut spec = object["spec"].clone();
    if spec["target"]["immutable"] == false {
        remove(&mut spec["target"], "immutable");
    }
    // `spec["data"]` would panic if the specification were a text.
    for item in spec.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        for (field, default) in DEFAULTS {
            if item["remoteRef"][field] == default {
                remove(&mut item["remoteRef"], field);
            }
        }
    }
    let wanted = desired(wanted, None);
    let (Some(there), Some(ours)) = (spec.as_object(), wanted["spec"].as_object()) else {
        return Some("spec".to_owned());
    };
    let mut fields = Vec::new();
    differences(there, ours, "spec", &mut fields);
    fields.truncate(FIELDS_LIMIT);
    if fields.is_empty() { None } else { Some(fields.join(", ")) }
}

/// The patch (JSON merge patch) that changes the specification of `existing` to the wanted one. Server-side apply does not
/// remove fields that others have added.
#[must_use]
pub fn set_back(existing: &Value, wanted: Wanted<'_>) -> Value {
    json!({"spec": replaced(&existing["spec"], &desired(wanted, None)["spec"])})
}

/// The other field managers that declare this object with server-side apply. An edit by hand (`Update`) is drift and is
/// overwritten. Two managers that apply would overwrite each other forever.
#[must_use]
pub fn other_appliers(object: &Value) -> Vec<&str> {
    appliers(object).filter_map(|manager| manager["manager"].as_str()).collect()
}

/// As [`other_appliers`], but only those that declare a field of its specification.
#[must_use]
pub fn who_applies_the_specification(object: &Value) -> Vec<&str> {
    let specification = |manager: &&Value| !manager["fieldsV1"]["f:spec"].is_null();
    appliers(object).filter(specification).filter_map(|manager| manager["manager"].as_str()).collect()
}

fn appliers(object: &Value) -> impl Iterator<Item = &Value> {
    managers(object).filter(|manager| manager["operation"] == "Apply" && manager["manager"] != FIELD_MANAGER)
}

fn differences(there: &Map<String, Value>, ours: &Map<String, Value>, path: &str, found: &mut Vec<String>) {
    let added = there.keys().filter(|field| !ours.contains_key(*field));
    for field in ours.keys().chain(added) {
        let path = format!("{path}.{}", named(field));
        match (there.get(field), ours.get(field)) {
            (Some(Value::Object(there)), Some(Value::Object(ours))) => differences(there, ours, &path, found),
            (there, ours) if there != ours => found.push(format!("`{path}`")),
            _ => {}
        }
    }
}

fn replaced(there: &Value, ours: &Value) -> Value {
    let (Value::Object(there), Value::Object(ours)) = (there, ours) else { return ours.clone() };
    let kept = ours.iter().map(|(field, ours)| {
        let patch = there.get(field).map_or_else(|| ours.clone(), |there| replaced(there, ours));
        (field.clone(), patch)
    });
    let removed = there.keys().filter(|field| !ours.contains_key(*field));
    Value::Object(kept.chain(removed.map(|field| (field.clone(), Value::Null))).collect())
}

fn remove(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

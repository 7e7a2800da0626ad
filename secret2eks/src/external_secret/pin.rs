//! What an ExternalSecret says about a version that was not delivered, or was delivered unchecked. Pure.

use serde_json::{Value, json};

use super::{HELD_ANNOTATION, UNCHECKED_ANNOTATION, VERSION_ANNOTATION, Wanted, annotation, desired};

/// The version for which the object was written last.
#[must_use]
pub fn written_version(object: &Value) -> Option<&str> {
    annotation(object, VERSION_ANNOTATION)
}

/// Whether the version for which the object was written could not be checked.
#[must_use]
pub fn is_unchecked(object: &Value) -> bool {
    annotation(object, UNCHECKED_ANNOTATION).is_some()
}

/// Whether the object names an older version, because the broker refuses the current one.
#[must_use]
pub fn is_pinned(object: &Value) -> bool {
    annotation(object, HELD_ANNOTATION).is_some()
}

/// The object that keeps the version `before`, whatever is AWSCURRENT. The next delivery finds its specification different and
/// restores it.
/// <https://external-secrets.io/latest/provider/aws-secrets-manager/> (`uuid/` and the version's id)
#[must_use]
pub fn pinned(wanted: Wanted<'_>, before: &str) -> Value {
    let mut object = desired(Wanted { version: before, unchecked: false, ..wanted }, None);
    object["metadata"]["annotations"][HELD_ANNOTATION] = json!(wanted.version);
    for item in object["spec"]["data"].as_array_mut().into_iter().flatten() {
        item["remoteRef"]["version"] = json!(format!("uuid/{before}"));
    }
    object
}

//! The shapes of an ExternalSecret of GitOps from which the operator writes the current value into the Kubernetes
//! Secret. Pure.
//!
//! A receipt allows the next rotation to reset the user that the pods used before. So every shape that is not on this list
//! is refused. The list comes from the operator's source (0.20.4 to 2.9) and from a real operator (0.20.4).
//! It does not cover the store: secret2eks cannot see which region and account a store reads.

use contract::names_same_secret;
use serde_json::Value;

use super::refusal::named;
use super::template::placed_fields;
use super::{REFRESH_INTERVAL, Refusal, Unproven};
use crate::keys::may_hold_the_password;

const SPEC: [&str; 6] = ["secretStoreRef", "target", "refreshPolicy", "refreshInterval", "data", "dataFrom"];
const TARGET: [&str; 5] = ["name", "creationPolicy", "deletionPolicy", "immutable", "template"];
const TEMPLATE: [&str; 6] = ["type", "engineVersion", "metadata", "mergePolicy", "data", "templateFrom"];
/// The keys of a secret in AWS's own form. If a secret is fetched as a whole, no other key is known.
const CREDENTIALS: [&str; 2] = ["username", "password"];
const PASSWORD: &str = "password";
const OVERWRITES: &str = "overwrites what comes from this secret";
const NO_PASSWORD: &str =
    "fetches from this secret only keys that never hold the password: fetch `password` as well";

/// The data that is fetched from this secret.
struct Fetched<'o> {
    /// Keys of `spec.data`.
    keys: Vec<&'o str>,
    /// Whether `spec.dataFrom` extracts all of it.
    whole: bool,
}

/// Whether the operator writes the current value of the secret `arn` into the Kubernetes Secret `name` each time it is
/// asked to. The password must be a part of it, as far as the names of the keys show.
///
/// # Errors
/// The other secret that it reads, or the first field that is not understood.
pub(super) fn is_understood(object: &Value, arn: &str, name: &str) -> Result<(), Refusal> {
    let spec = &object["spec"];
    only(spec, "spec", &SPEC)?;
    let fetched = fetched(spec, arn)?;
    obeys_a_forced_sync(spec)?;
    let target = &spec["target"];
    only(target, "spec.target", &TARGET)?;
    is_one_of(target, "spec.target", "name", &[name], "is not the name in the tag `secret2eks/name`")?;
    is_one_of(
        target,
        "spec.target",
        "creationPolicy",
        &["Owner", "Orphan", "Merge"],
        "writes no Kubernetes Secret",
    )?;
    // With other policies, the operator reports success if the store does not find the secret.
    let only_this_secret = items(&spec["data"]).chain(items(&spec["dataFrom"])).count()
        == fetched.keys.len() + usize::from(fetched.whole);
    let policies: &[&str] = if only_this_secret { &["Retain", "Delete"] } else { &["Retain"] };
    let reason = "lets the operator report success when a secret is not found: use `Retain`";
    is_one_of(target, "spec.target", "deletionPolicy", policies, reason)?;
    if !matches!(target["immutable"], Value::Null | Value::Bool(false)) {
        let reason = "prevents the operator from updating the Kubernetes Secret";
        return Err(Unproven::new("spec.target.immutable", reason).into());
    }
    Ok(template_places(&target["template"], &fetched)?)
}

fn fetched<'o>(spec: &'o Value, arn: &str) -> Result<Fetched<'o>, Refusal> {
    let is_this = |key: &Value| key.as_str().is_some_and(|key| names_same_secret(arn, key));
    let (data, from) = (|| items(&spec["data"]), || items(&spec["dataFrom"]));
    let keys =
        || data().map(|item| &item["remoteRef"]["key"]).chain(from().map(|item| &item["extract"]["key"]));
    if !keys().any(is_this) {
        let of_a_prefix = keys().filter_map(Value::as_str).find(|key| is_end_of_the_name(arn, key));
        return Err(
            of_a_prefix.map_or(Refusal::ReadsOtherSecrets, |key| Refusal::StoreWithPrefix(key.to_owned()))
        );
    }
    let mut fetched = Fetched { keys: Vec::new(), whole: false };
    let mut has_password = false;
    for (index, item) in from().enumerate() {
        let path = format!("spec.dataFrom[{index}]");
        if is_this(&item["extract"]["key"]) {
            only(item, &path, &["extract"])?;
            reads_the_current_value(&item["extract"], &format!("{path}.extract"))?;
            if !is_empty(&item["extract"]["property"]) {
                let reason = "takes only a part of the secret: list its keys in `spec.data`";
                return Err(Unproven::new(format!("{path}.extract.property"), reason).into());
            }
            (fetched.whole, has_password) = (true, true);
        } else if fetched.whole {
            return Err(Unproven::new(path, "may overwrite what comes from this secret: put it first").into());
        }
    }
    for (index, item) in data().enumerate() {
        let path = format!("spec.data[{index}]");
        let key = item["secretKey"].as_str().unwrap_or_default();
        let others = data().filter(|other| other["secretKey"] == item["secretKey"]).count() - 1;
        if is_this(&item["remoteRef"]["key"]) {
            only(item, &path, &["secretKey", "remoteRef"])?;
            reads_the_current_value(&item["remoteRef"], &format!("{path}.remoteRef"))?;
            if others > 0 {
                return Err(Unproven::new(format!("{path}.secretKey"), "occurs more than once").into());
            }
            let may_be_the_password = may_hold_the_password(property(&item["remoteRef"]));
            if fetched.whole && key == PASSWORD && !may_be_the_password {
                return Err(Unproven::new(path, OVERWRITES).into());
            }
            has_password |= may_be_the_password;
            fetched.keys.push(key);
        } else if fetched.whole && CREDENTIALS.contains(&key) {
            return Err(Unproven::new(path, OVERWRITES).into());
        }
    }
    if has_password { Ok(fetched) } else { Err(Unproven::new("spec.data", NO_PASSWORD).into()) }
}

/// The AWS provider's rules: <https://external-secrets.io/latest/provider/aws-secrets-manager/>
fn reads_the_current_value(reference: &Value, path: &str) -> Result<(), Unproven> {
    let known = ["key", "property", "version", "metadataPolicy", "conversionStrategy", "decodingStrategy"];
    only(reference, path, &[&known[..], &["nullBytePolicy"]].concat())?;
    is_one_of(reference, path, "version", &["AWSCURRENT"], "reads a pinned version")?;
    is_one_of(reference, path, "metadataPolicy", &["None"], "reads the tags and not the value")?;
    is_one_of(reference, path, "decodingStrategy", &["None"], "changes the value")?;
    let property = property(reference);
    let is_plain = property.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    // The operator reads `..0.username` as the `username` of the first line.
    if !is_plain || property.starts_with("..") {
        return Err(Unproven::new(format!("{path}.property"), "is more than the name of a key"));
    }
    Ok(())
}

/// The key that is read. An empty one means the whole value.
fn property(reference: &Value) -> &str {
    reference["property"].as_str().unwrap_or_default()
}

fn obeys_a_forced_sync(spec: &Value) -> Result<(), Refusal> {
    let interval = spec["refreshInterval"].as_str().unwrap_or(REFRESH_INTERVAL);
    let never = interval.starts_with('-') || interval.chars().all(|c| !c.is_ascii_digit() || c == '0');
    match spec["refreshPolicy"].as_str() {
        Some("OnChange") => Ok(()),
        None | Some("" | "Periodic") if !never => Ok(()),
        _ => Err(Refusal::IgnoresForcedSync),
    }
}

/// Whether all data from this secret is in the Kubernetes Secret. Labels and annotations do not change that.
fn template_places(template: &Value, fetched: &Fetched<'_>) -> Result<(), Unproven> {
    const AT: &str = "spec.target.template";
    only(template, AT, &TEMPLATE)?;
    is_one_of(template, AT, "engineVersion", &["v2"], "is not understood")?;
    is_one_of(template, AT, "mergePolicy", &["Replace", "Merge"], "is not understood")?;
    if items(&template["templateFrom"]).next().is_some() {
        return Err(Unproven::new(
            format!("{AT}.templateFrom"),
            "reads a template that secret2eks may not read",
        ));
    }
    let Some(templates) = template["data"].as_object().filter(|templates| !templates.is_empty()) else {
        return Ok(());
    };
    let mut placed = Vec::new();
    for (key, text) in templates {
        let path = || format!("{AT}.data.{}", named(key));
        let fields = placed_fields(text.as_str().unwrap_or_default());
        let fields = fields.map_err(|line| {
            let reason =
                "may only place fetched fields into text, as in `{{ .username }}:{{ .password | urlquery }}`";
            Unproven::new(format!("line {line} of {}", path()), reason)
        })?;
        let is_ours =
            fetched.keys.contains(&key.as_str()) || fetched.whole && CREDENTIALS.contains(&key.as_str());
        if is_ours && !fields.contains(key.as_str()) {
            return Err(Unproven::new(path(), OVERWRITES));
        }
        placed.extend(fields);
    }
    let merges = template["mergePolicy"] == "Merge";
    let whole = fetched.whole.then_some(PASSWORD);
    let left_out = fetched.keys.iter().copied().chain(whole).find(|key| !merges && !placed.contains(key));
    left_out.map_or(Ok(()), |_| {
        Err(Unproven::new(format!("{AT}.data"), "leaves out what comes from this secret"))
    })
}

/// Refuses a field that is not known, such as one of a newer operator.
fn only(object: &Value, path: &str, known: &[&str]) -> Result<(), Unproven> {
    let Some(fields) = object.as_object() else { return Ok(()) };
    let unknown = fields.iter().find(|(field, value)| !known.contains(&field.as_str()) && !is_empty(value));
    unknown.map_or(Ok(()), |(field, _)| {
        Err(Unproven::new(format!("{path}.{}", named(field)), "is not understood by secret2eks"))
    })
}

/// A field that is absent has its default, which is the first of the allowed values.
fn is_one_of(
    object: &Value,
    path: &str,
    field: &str,
    allowed: &[&str],
    reason: &'static str,
) -> Result<(), Unproven> {
    let value = &object[field];
    let is_allowed = is_empty(value) || allowed.iter().any(|allowed| value == allowed);
    if is_allowed { Ok(()) } else { Err(Unproven::new(format!("{path}.{field}"), reason)) }
}

fn is_end_of_the_name(arn: &str, key: &str) -> bool {
    let name = arn.split_once(":secret:").map_or(arn, |(_, name)| name);
    !key.is_empty() && (1..name.len()).any(|at| name.get(at..).is_some_and(|end| names_same_secret(end, key)))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

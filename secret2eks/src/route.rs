//! Where a secret goes, read from its tags. Pure.

use std::fmt;

use contract::Tags;

use crate::keys::may_hold_the_password;

/// The longest name of a namespace (RFC 1123 label).
const LABEL_LIMIT: usize = 63;
/// The longest name of most objects (RFC 1123 subdomain) and of a key in a Kubernetes Secret.
const NAME_LIMIT: usize = 253;
const KEYS_LIMIT: usize = 32;
const DEFAULT_KEYS: &str = "username password";
/// The key that names the admin secret. Nobody in the cluster needs it.
const NEVER_COPIED: &str = "masterarn";

/// What the tags of a secret define.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// It has no tag of secret2eks: the secret is not for Kubernetes.
    NotForKubernetes,
    /// It is delivered there.
    To(Route),
}

/// Where a secret is delivered, and who makes the ExternalSecret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The namespace.
    pub namespace: String,
    /// The name of the ExternalSecret and of the Kubernetes Secret.
    pub name: String,
    /// The tenant that the secret belongs to.
    pub tenant: Option<String>,
    /// What to do with the ExternalSecret.
    pub mode: Mode,
}

/// Who owns the ExternalSecret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// secret2eks: it makes the whole object.
    Apply {
        /// The store that the operator reads from.
        store: Store,
        /// The keys of the secret that are delivered.
        keys: Vec<String>,
    },
    /// GitOps: secret2eks changes only the annotation.
    Refresh,
}

impl Mode {
    /// The value of the tag.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Apply { .. } => "apply",
            Self::Refresh => "refresh",
        }
    }
}

/// A store of External Secrets Operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// `SecretStore` or `ClusterSecretStore`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

impl Store {
    /// Whether it reads for every namespace.
    #[must_use]
    pub fn is_of_the_cluster(&self) -> bool {
        self.kind == CLUSTER_STORE
    }
}

/// A tag is missing, or has a value that Kubernetes does not accept. The value is quoted, because tags hold no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// There are other tags of secret2eks, but this one is missing.
    #[error("the tag `{0}` is missing")]
    Missing(&'static str),
    /// A key in another case. The role of a store accepts it as the tag, because IAM compares the names of tags without case.
    #[error("the tag `{found}` is `{tag}` in another case: remove it")]
    OtherCase {
        /// The tag.
        tag: &'static str,
        /// The key on the secret.
        found: String,
    },
    /// The value is wrong.
    #[error("the tag `{tag}` is `{value}`, but must be {expected}")]
    Wrong {
        /// The tag.
        tag: &'static str,
        /// Its value, cut.
        value: String,
        /// What is expected.
        expected: &'static str,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// Reads the tags.
///
/// # Errors
/// Names the first tag that is missing or wrong.
pub fn route(tags: &Tags) -> Result<Routing, TagError> {
    let ours = [Tags::CLUSTER, Tags::NAMESPACE, Tags::NAME, Tags::STORE, Tags::KEYS, Tags::MODE];
    for tag in ours {
        if let Some(found) = tags.in_another_case(tag) {
            return Err(TagError::OtherCase { tag, found: found.to_owned() });
        }
    }
    if ours.iter().all(|tag| tags.get(tag).is_none()) {
        return Ok(Routing::NotForKubernetes);
    }
    let namespace = required(tags, Tags::NAMESPACE)?;
    if !is_label(namespace) {
        return Err(wrong(Tags::NAMESPACE, namespace, "the name of a namespace (RFC 1123 label)"));
    }
    let name = required(tags, Tags::NAME)?;
    if !is_name(name) {
        return Err(wrong(Tags::NAME, name, "the name of a Kubernetes object (RFC 1123 subdomain)"));
    }
    // The store's role accepts it as the tenant. This is checked only if the secret is routed, because others have a tag of
    // that name for their costs.
    if let Some(found) = tags.in_another_case(Tags::TENANT) {
        return Err(TagError::OtherCase { tag: Tags::TENANT, found: found.to_owned() });
    }
    let tenant = tags.get(Tags::TENANT);
    let mode = match tags.get(Tags::MODE) {
        None | Some("apply") => Mode::Apply { store: store(tags)?, keys: keys(tags)? },
        Some("refresh") => Mode::Refresh,
        Some(other) => return Err(wrong(Tags::MODE, other, "`apply` or `refresh`")),
    };
    // A ClusterSecretStore reads every tenant's secrets.
    if let (Some(_), Mode::Apply { store, .. }) = (tenant, &mode)
        && store.kind == CLUSTER_STORE
    {
        let value = format!("{}/{}", store.kind, store.name);
        return Err(wrong(Tags::STORE, &value, "a SecretStore, because the secret belongs to a tenant"));
    }
    let tenant = tenant.map(str::to_owned);
    Ok(Routing::To(Route { namespace: namespace.to_owned(), name: name.to_owned(), tenant, mode }))
}

/// The cluster that a secret goes to, if it is not `own`. Without the tag, a secret goes to every cluster.
#[must_use]
pub fn other_cluster<'t>(tags: &'t Tags, own: &str) -> Option<&'t str> {
    tags.get(Tags::CLUSTER).filter(|cluster| *cluster != own)
}

/// Whether the tags define that a secret goes to `to` in the cluster `own`.
#[must_use]
pub fn goes_to(tags: &Tags, own: &str, to: &Route) -> bool {
    let to_it = |routing: Routing| matches!(routing, Routing::To(route) if route == *to);
    other_cluster(tags, own).is_none() && route(tags).is_ok_and(to_it)
}

const CLUSTER_STORE: &str = "ClusterSecretStore";

fn store(tags: &Tags) -> Result<Store, TagError> {
    let value = required(tags, Tags::STORE)?;
    let (kind, name) = value.split_once('/').unwrap_or_default();
    let kind = ["SecretStore", CLUSTER_STORE].into_iter().find(|known| *known == kind);
    match kind {
        Some(kind) if is_name(name) => Ok(Store { kind, name: name.to_owned() }),
        _ => Err(wrong(Tags::STORE, value, "`SecretStore/NAME` or `ClusterSecretStore/NAME`")),
    }
}

fn keys(tags: &Tags) -> Result<Vec<String>, TagError> {
    let value = tags.get(Tags::KEYS).unwrap_or(DEFAULT_KEYS);
    let mut keys: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
    keys.sort();
    keys.dedup();
    if keys.iter().any(|key| key == NEVER_COPIED) {
        return Err(wrong(Tags::KEYS, value, "keys other than `masterarn`, which is never copied"));
    }
    if keys.is_empty() || keys.len() > KEYS_LIMIT || !keys.iter().all(|key| is_key(key)) {
        return Err(wrong(
            Tags::KEYS,
            value,
            "1 to 32 keys of letters, digits, `-`, `_` and `.`, separated by spaces",
        ));
    }
    // Otherwise the receipt would claim that the cluster holds a password that is never delivered.
    if !keys.iter().any(|key| may_hold_the_password(key)) {
        let expected = "keys of which at least one may hold the password, such as `password` or `uri`";
        return Err(wrong(Tags::KEYS, value, expected));
    }
    Ok(keys)
}

fn required<'t>(tags: &'t Tags, tag: &'static str) -> Result<&'t str, TagError> {
    tags.get(tag).ok_or(TagError::Missing(tag))
}

fn wrong(tag: &'static str, value: &str, expected: &'static str) -> TagError {
    TagError::Wrong { tag, value: value.chars().take(NAME_LIMIT).collect(), expected }
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
    text.len() <= LABEL_LIMIT
        && text.chars().all(inner)
        && edge(text.chars().next())
        && edge(text.chars().next_back())
}

fn is_name(text: &str) -> bool {
    text.len() <= NAME_LIMIT && text.split('.').all(is_label)
}

fn is_key(text: &str) -> bool {
    text.len() <= NAME_LIMIT
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !text.starts_with("..")
        && text != "."
}

#[cfg(test)]
mod tests;

//! The tags of a secret that carry meaning for the suite.

use std::collections::BTreeMap;

/// The tags of one secret.
///
/// Tags are authority: whoever may set them decides where a secret goes (see the README for the policy
/// that denies these keys to tenants).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The namespace to deliver to. Its presence is what makes a secret *routed*.
    pub const NAMESPACE: &str = "secret2eks/namespace";
    /// The receipt: the `VersionId` that the cluster holds, written by secret2eks.
    pub const DELIVERED: &str = "secret2eks/delivered";

    /// Whether the secret is delivered to Kubernetes at all.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        self.0.contains_key(Self::NAMESPACE)
    }

    /// The version that the cluster is known to hold.
    #[must_use]
    pub fn delivered(&self) -> Option<&str> {
        self.0.get(Self::DELIVERED).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Self {
        Self(tags.into_iter().collect())
    }
}

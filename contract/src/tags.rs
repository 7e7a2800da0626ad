//! The tags of a secret that have a meaning for the suite.

use std::collections::BTreeMap;

/// The tags of one secret.
///
/// Anyone who may set tags decides where a secret is delivered. `docs/src/kubernetes.md` has the policy that denies these
/// keys to tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The first user of the secret's pair of broker users. The deployment or the first rotation writes this tag.
    pub const USER: &str = "rotation-mq/user";
    /// The namespace to deliver to. A secret with this tag is *routed*.
    pub const NAMESPACE: &str = "secret2eks/namespace";
    /// The name of the ExternalSecret and of the Kubernetes Secret.
    pub const NAME: &str = "secret2eks/name";
    /// The name of the EKS cluster to deliver to. A secret without this tag goes to every cluster whose secret2eks receives
    /// its events.
    pub const CLUSTER: &str = "secret2eks/cluster";
    /// The store that the operator reads from: `SecretStore/NAME` or `ClusterSecretStore/NAME`.
    pub const STORE: &str = "secret2eks/store";
    /// The keys of the secret that are delivered, separated by spaces.
    pub const KEYS: &str = "secret2eks/keys";
    /// `apply`, or `refresh` if GitOps owns the ExternalSecret.
    pub const MODE: &str = "secret2eks/mode";
    /// The tenant that the secret belongs to. It must equal the label of that name on the namespace.
    pub const TENANT: &str = "tenant";
    /// The receipt: the `VersionId` that the cluster holds, written by secret2eks.
    pub const DELIVERED: &str = "secret2eks/delivered";
    /// Who may read the value beside the principals of `SecretReaders`: names of roles and users, or their ARNs, separated by
    /// spaces. A tag has no asterisk, so there are no patterns here.
    pub const READERS: &str = "secret-access/readers";
    /// The maximum age of the value in days, by the policy for this secret.
    pub const MAX_AGE_DAYS: &str = "rotation-watch/max-age-days";
    /// Who is responsible for the secret: an attribute of the messages about it, to route them by.
    pub const OWNER: &str = "rotation-watch/owner";

    /// The value of a tag.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The keys, as they are on the secret.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The key of a tag that differs from `key` only in the case of its letters. IAM's `aws:ResourceTag/KEY` matches it, too.
    #[must_use]
    pub fn in_another_case(&self, key: &str) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|found| *found != key && found.eq_ignore_ascii_case(key))
    }

    /// Whether the secret is delivered to Kubernetes at all.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        self.0.contains_key(Self::NAMESPACE)
    }

    /// The version that the cluster is known to hold.
    #[must_use]
    pub fn delivered(&self) -> Option<&str> {
        self.get(Self::DELIVERED)
    }
}

impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Self {
        Self(tags.into_iter().collect())
    }
}

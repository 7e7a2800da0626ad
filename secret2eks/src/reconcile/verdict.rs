//! Whether an object is taken back. Pure.
//!
//! That a secret is missing in a list is no reason: the list may be incomplete, or its filter wrong. The only reason is what
//! Secrets Manager says about this one secret.

use contract::Tags;

use crate::external_secret::Delivered;
use crate::route::{Routing, other_cluster, route};
use crate::secret_store::Standing;

/// Why an object is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The secret was deleted, or is scheduled for deletion.
    Deleted,
    /// The secret has no tag `secret2eks/namespace` any more.
    Untagged,
    /// The tags name another namespace or another name, and all of them are right. This is a reason only when the secret has
    /// arrived there ([`crate::take_back`]).
    Moved,
    /// The tags name another cluster.
    OtherCluster,
    /// The secret's tenant is not the tenant of the namespace.
    OtherTenant,
}

impl Reason {
    /// Whether the event of a single secret is sufficient to take the object back. A deletion and a removed tag are left to the
    /// reconcile: a script that deletes all secrets causes one event for each of them, and only a run that sees all objects at
    /// once can stop.
    #[must_use]
    pub fn is_at_once(self) -> bool {
        matches!(self, Self::Moved | Self::OtherCluster | Self::OtherTenant)
    }

    /// For the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "its secret was deleted",
            Self::Untagged => "its secret has no tag `secret2eks/namespace` any more",
            Self::Moved => "its secret goes to another place",
            Self::OtherCluster => "its secret goes to another cluster",
            Self::OtherTenant => "the tenant of its secret is not the tenant of the namespace",
        }
    }
}

/// Why `copy` is taken back from `cluster`. None if it stays, also if the tags are wrong in another way: a wrong tag must
/// not take the credentials of a service away.
///
/// `tenant` is the label of the namespace. A secret without a tenant stays: it may be older than the label. Its delivery fails,
/// which reports the difference.
#[must_use]
pub fn reason(standing: &Standing, copy: &Delivered, cluster: &str, tenant: Option<&str>) -> Option<Reason> {
    let Standing::Exists(secret) = standing else { return Some(Reason::Deleted) };
    if secret.arn != copy.arn {
        // A new secret of the same name.
        return Some(Reason::Deleted);
    }
    let tags = &secret.tags;
    if tags.get(Tags::NAMESPACE).is_none() {
        return Some(Reason::Untagged);
    }
    if other_cluster(tags, cluster).is_some() {
        return Some(Reason::OtherCluster);
    }
    if tags.get(Tags::TENANT).is_some_and(|of_secret| Some(of_secret) != tenant) {
        return Some(Reason::OtherTenant);
    }
    match route(tags) {
        Ok(Routing::To(route)) if route.namespace != copy.namespace || route.name != copy.name => {
            Some(Reason::Moved)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret_store::Description;

    const PLACE: [(&str, &str); 3] =
        [(Tags::NAMESPACE, "shop"), (Tags::NAME, "payment"), (Tags::STORE, "SecretStore/aws")];

    fn copy() -> Delivered {
        Delivered { namespace: "shop".to_owned(), name: "payment".to_owned(), arn: "arn".to_owned() }
    }

    fn exists(tags: &[(&str, &str)]) -> Standing {
        Standing::Exists(Description {
            arn: "arn".to_owned(),
            current: Some("v1".to_owned()),
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            primary_region: None,
            rotation_enabled: false,
        })
    }

    /// The complete tags, with one of them changed. An empty value removes it.
    fn with(key: &str, value: &str) -> Standing {
        let mut tags: Vec<(&str, &str)> = PLACE.into_iter().filter(|(other, _)| *other != key).collect();
        if !value.is_empty() {
            tags.push((key, value));
        }
        exists(&tags)
    }

    #[test]
    fn only_what_secrets_manager_says_about_the_secret_is_a_reason() {
        for (standing, tenant, expected) in [
            (exists(&PLACE), None, None),
            (Standing::Deleted(None), None, Some(Reason::Deleted)),
            (Standing::Deleted(Some("arn".to_owned())), None, Some(Reason::Deleted)),
            (exists(&[]), None, Some(Reason::Untagged)),
            (exists(&[("team", "cookies")]), None, Some(Reason::Untagged)),
            (with(Tags::NAMESPACE, ""), None, Some(Reason::Untagged)),
            (with(Tags::NAMESPACE, "other"), None, Some(Reason::Moved)),
            (with(Tags::NAME, "other"), None, Some(Reason::Moved)),
            (with(Tags::NAMESPACE, "other"), Some("acme"), Some(Reason::Moved)),
            (with(Tags::CLUSTER, "test"), None, Some(Reason::OtherCluster)),
            (with(Tags::CLUSTER, "production"), None, None),
            (with(Tags::TENANT, "acme"), None, Some(Reason::OtherTenant)),
            (exists(&PLACE), Some("acme"), None),
            (with(Tags::TENANT, "acme"), Some("rival"), Some(Reason::OtherTenant)),
            (with(Tags::TENANT, "acme"), Some("acme"), None),
        ] {
            assert_eq!(reason(&standing, &copy(), "production", tenant), expected, "{standing:?} {tenant:?}");
        }
    }

    #[test]
    fn a_wrong_tag_that_names_no_other_place_takes_nothing_back() {
        for (key, value) in [
            (Tags::NAMESPACE, "No Namespace"),
            (Tags::NAME, "No Name"),
            (Tags::NAME, ""),
            (Tags::STORE, ""),
            (Tags::STORE, "aws"),
            (Tags::KEYS, "host"),
            (Tags::MODE, "replace"),
            (Tags::MODE, "refresh"),
            ("Secret2EKS/namespace", "other"),
        ] {
            assert_eq!(reason(&with(key, value), &copy(), "production", None), None, "{key}={value}");
        }
    }

    #[test]
    fn another_place_is_a_reason_only_if_all_tags_are_right() {
        for (store, expected) in [("SecretStore/aws", Some(Reason::Moved)), ("aws", None)] {
            let moved = exists(&[(Tags::NAMESPACE, "other"), (Tags::NAME, "payment"), (Tags::STORE, store)]);
            assert_eq!(reason(&moved, &copy(), "production", None), expected, "{store}");
        }
    }

    #[test]
    fn another_secret_of_the_same_name_is_not_the_secret() {
        let Standing::Exists(mut secret) = exists(&PLACE) else { unreachable!("it exists") };
        secret.arn = "another".to_owned();
        let verdict = reason(&Standing::Exists(secret), &copy(), "production", None);
        assert_eq!(verdict, Some(Reason::Deleted));
    }

    #[test]
    fn a_secret_without_a_value_keeps_its_place() {
        let Standing::Exists(mut secret) = exists(&PLACE) else { unreachable!("it exists") };
        secret.current = None;
        assert_eq!(reason(&Standing::Exists(secret), &copy(), "production", None), None);
    }
}

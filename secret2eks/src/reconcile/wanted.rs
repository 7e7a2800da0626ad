//! What the cluster should hold according to the tags of all secrets, and what it holds. Pure.

use std::collections::{BTreeMap, BTreeSet};

use contract::DeliveryRequest;
use serde_json::Value;

use crate::config::Config;
use crate::external_secret::{Delivered, Wanted, holds, is_ready, ours};
use crate::receipt;
use crate::route::{Route, Routing, other_cluster, route};
use crate::secret_store::Description;

/// What the cluster should hold, by place (`NAMESPACE/NAME`).
#[derive(Debug, Default)]
pub struct Wants {
    places: BTreeMap<String, Want>,
    /// Secrets that cannot have a place: their tags are wrong, or another secret has the same place. Their deliveries fail,
    /// which reports the reason.
    refused: Vec<DeliveryRequest>,
    /// Objects that hold the current version, but whose last sync failed.
    not_ready: usize,
}

/// One secret that goes to the cluster, and what is there.
#[derive(Debug)]
struct Want {
    arn: String,
    version: String,
    route: Route,
    receipt: Option<String>,
    needs_receipt: bool,
    there: There,
}

/// What is at the place of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    /// Nothing that is right.
    Otherwise { is_ours: bool },
    /// The current version, and its receipt if it needs one.
    Current { is_ours: bool },
}

impl Wants {
    /// Adds a secret, unless it is not for this cluster or has no value yet.
    pub fn add(&mut self, secret: Description, config: &Config) {
        let Some(version) = secret.current.clone() else { return };
        if !secret.arn.starts_with(&config.secrets_arn_prefix)
            || other_cluster(&secret.tags, &config.cluster).is_some()
        {
            return;
        }
        let route = match route(&secret.tags) {
            Ok(Routing::To(route)) => route,
            Ok(Routing::NotForKubernetes) => return,
            Err(_) => return self.refused.push(request(&secret.arn, &version)),
        };
        let place = route.to_string();
        if self.places.contains_key(&place) {
            return self.refused.push(request(&secret.arn, &version));
        }
        let want = Want {
            version,
            receipt: secret.tags.delivered().map(str::to_owned),
            needs_receipt: receipt::is_needed(config, &secret),
            arn: secret.arn,
            route,
            there: There::Otherwise { is_ours: false },
        };
        self.places.insert(place, want);
    }

    /// Compares an object of the cluster. Returns it if secret2eks has created it and no secret wants it there.
    pub fn compare(&mut self, object: &Value, config: &Config) -> Option<Delivered> {
        let own = ours(object, &config.secrets_arn_prefix);
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let want = self.places.get_mut(&format!("{}/{}", text("namespace"), text("name")));
        let Some(want) = want else { return own };
        let is_ours = own.as_ref().is_some_and(|own| own.arn == want.arn);
        let is_current = want.is_current(object);
        self.not_ready += usize::from(is_current && !is_ready(object));
        want.there = if is_current { There::Current { is_ours } } else { There::Otherwise { is_ours } };
        // A copy of a secret whose place another secret wants now.
        own.filter(|_| !is_ours)
    }

    /// The number of secrets that go to this cluster.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len() + self.refused.len()
    }

    /// The number of objects that hold the current version, but whose last sync failed: the store or the operator is down.
    #[must_use]
    pub fn not_ready(&self) -> usize {
        self.not_ready
    }

    /// Whether no secret goes to this cluster.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The namespaces that hold what they should. The label `tenant` of each decides whether it may.
    #[must_use]
    pub fn namespaces(&self) -> BTreeSet<String> {
        self.present().map(|want| want.route.namespace.clone()).collect()
    }

    /// The objects that are in a namespace of another tenant. The object of a secret without a tenant stays.
    /// `tenants` has the label of each namespace that exists.
    #[must_use]
    pub fn strangers(&self, tenants: &BTreeMap<String, Option<String>>) -> Vec<Delivered> {
        let strangers = self.present().filter(|want| want.route.tenant.is_some());
        let strangers = strangers.filter(|want| want.is_strange(tenants) && want.is_ours());
        let object = |want: &Want| Delivered {
            namespace: want.route.namespace.clone(),
            name: want.route.name.clone(),
            arn: want.arn.clone(),
        };
        strangers.map(object).collect()
    }

    /// What has to be delivered, or has to fail, so that somebody is notified.
    #[must_use]
    pub fn requests(&self, tenants: &BTreeMap<String, Option<String>>) -> Vec<DeliveryRequest> {
        let wrong = self
            .places
            .values()
            .filter(|want| matches!(want.there, There::Otherwise { .. }) || want.is_strange(tenants));
        let wrong = wrong.map(|want| request(&want.arn, &want.version));
        wrong.chain(self.refused.iter().cloned()).collect()
    }

    fn present(&self) -> impl Iterator<Item = &Want> {
        self.places.values().filter(|want| want.there != There::Otherwise { is_ours: false })
    }
}

impl Want {
    fn is_current(&self, object: &Value) -> bool {
        let Self { arn, version, route, receipt, needs_receipt, .. } = self;
        let receipt = receipt.as_deref();
        let has_receipt = !needs_receipt || receipt == Some(version.as_str());
        // A version that was delivered unchecked is requested, so that it is checked again.
        has_receipt && holds(object, Wanted { route, arn, version, receipt, unchecked: false })
    }

    fn is_ours(&self) -> bool {
        let (There::Otherwise { is_ours } | There::Current { is_ours }) = self.there;
        is_ours
    }

    /// Whether its namespace is known to belong to another tenant.
    fn is_strange(&self, tenants: &BTreeMap<String, Option<String>>) -> bool {
        tenants.get(&self.route.namespace).is_some_and(|tenant| *tenant != self.route.tenant)
    }
}

fn request(arn: &str, version: &str) -> DeliveryRequest {
    let (secret_arn, version_id) = (arn.to_owned(), version.to_owned());
    DeliveryRequest { secret_arn, version_id, attempt: 1, tested: false, promoted_at: None }
}

/// At most `limit` of `items`, from a place that `seed` decides. Otherwise, deliveries that fail each time would take the
/// turns of those that come after them.
#[must_use]
pub fn some_of<T>(mut items: Vec<T>, limit: usize, seed: usize) -> Vec<T> {
    if items.len() > limit {
        let start = seed % items.len();
        items.rotate_left(start);
        items.truncate(limit);
    }
    items
}

#[cfg(test)]
mod tests;

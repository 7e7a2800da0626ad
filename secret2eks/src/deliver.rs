//! The delivery of one secret: look up, compare, write, wait for the operator, look again, leave the receipt.

use std::time::{Duration, Instant};

use contract::Tags;
use lambda_boundary::{Unit, metric};
use serde::Serialize;

use crate::Delivery;
use crate::error::DeliveryError;
use crate::event::Change;
use crate::external_secret::{
    Plan, Sync, Wanted, desired, other_appliers, plan, sync_state, synced_resource_version,
};
use crate::kubernetes_api::{ApiError, KubernetesApi};
use crate::route::{Mode, Route, Routing, route};
use crate::secret_store::Description;

/// How often the current version may move on during one delivery.
const ROUNDS: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The message of External Secrets Operator's condition, the only sign of this cause that it leaves in the object
/// (its `msgErrorIsOwned`). With other words it is `distribution.not_synced`.
const OWNED_BY_ANOTHER: &str = "target is owned by another ExternalSecret";

/// How a delivery ended when it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// The cluster holds this version.
    Delivered {
        /// The version.
        version_id: String,
        /// The namespace.
        namespace: String,
        /// The name of the ExternalSecret and the Kubernetes Secret.
        name: String,
        /// Whether anything had to be written.
        changed: bool,
    },
    /// Nothing to do.
    NotForKubernetes {
        /// Why.
        reason: &'static str,
    },
}

/// Makes the cluster hold what is current.
///
/// Safe to repeat and to run twice at the same time: all that is decided is decided on what is there.
///
/// # Errors
/// What Secrets Manager, EKS, the cluster or the operator refuses, and what must not be touched.
pub async fn deliver(
    delivery: &Delivery,
    change: &Change,
    request_id: &str,
) -> Result<Outcome, DeliveryError> {
    let began = Instant::now();
    let mut description = describe(delivery, &change.secret_arn).await?;
    for _ in 0..ROUNDS {
        let Some(version) = description.current.clone() else {
            return Ok(Outcome::NotForKubernetes { reason: "no version of the secret is AWSCURRENT yet" });
        };
        let routing = route(&description.tags)
            .map_err(|source| DeliveryError::Tags { secret: description.arn.clone(), source })?;
        let Routing::To(route) = routing else {
            return Ok(Outcome::NotForKubernetes { reason: "the secret has no tags `secret2eks/...`" });
        };
        let wanted = Wanted { route: &route, arn: &description.arn, version: &version };
        let changed = converge(delivery, wanted, request_id, began).await?;
        if changed {
            // The operator read what was current then. Is it still?
            let again = describe(delivery, &change.secret_arn).await?;
            if again.current.as_deref() != Some(&version) {
                description = again;
                continue;
            }
        }
        write_receipt(delivery, &description, &version).await?;
        measure(delivery, change, &route, &description.arn, &version, changed);
        let Route { namespace, name, .. } = route;
        return Ok(Outcome::Delivered { version_id: version, namespace, name, changed });
    }
    Err(DeliveryError::MovedOn { secret: description.arn, rounds: ROUNDS })
}

/// Brings the cluster to `wanted`, once more with a new connection when the kept one stopped working; whether
/// anything had to be written.
async fn converge(
    delivery: &Delivery,
    wanted: Wanted<'_>,
    request_id: &str,
    began: Instant,
) -> Result<bool, DeliveryError> {
    let (api, is_new) = connect(delivery).await?;
    let in_cluster = InCluster { delivery, api: &api, wanted, request_id, began };
    match in_cluster.converge().await {
        Err(error) if error.is_of_the_connection() && !is_new => {
            tracing::warn!("the kept connection to the cluster stopped working: {error}");
            delivery.cluster.forget().await;
            let (api, _) = connect(delivery).await?;
            InCluster { api: &api, ..in_cluster }.converge().await
        }
        Err(error) if error.is_of_the_connection() => {
            // The next attempt asks EKS again.
            delivery.cluster.forget().await;
            Err(error)
        }
        other => other,
    }
}

async fn connect(delivery: &Delivery) -> Result<(KubernetesApi, bool), DeliveryError> {
    delivery
        .cluster
        .connect((delivery.now)())
        .await
        .map_err(|source| DeliveryError::Connect { cluster: delivery.cluster.name().to_owned(), source })
}

/// One attempt with one connection.
#[derive(Debug, Clone, Copy)]
struct InCluster<'a> {
    delivery: &'a Delivery,
    api: &'a KubernetesApi,
    wanted: Wanted<'a>,
    request_id: &'a str,
    began: Instant,
}

impl InCluster<'_> {
    async fn converge(self) -> Result<bool, DeliveryError> {
        let route = self.wanted.route;
        let (labels, existing) =
            tokio::join!(self.api.namespace_labels(&route.namespace), self.api.external_secret(route));
        let labels = labels
            .map_err(|source| self.failed(format!("read the namespace `{}`", route.namespace), source))?;
        let labels = labels.ok_or_else(|| DeliveryError::NamespaceMissing {
            secret: self.wanted.arn.to_owned(),
            namespace: route.namespace.clone(),
            cluster: self.delivery.cluster.name().to_owned(),
        })?;
        self.guard_tenant(labels.get(Tags::TENANT).map(String::as_str))?;
        let existing = existing.map_err(|source| self.failed(self.object("read"), source))?;
        let refused = |source| DeliveryError::Refused {
            object: route.to_string(),
            secret: self.wanted.arn.to_owned(),
            source,
        };
        let asked_by = match plan(existing.as_ref(), self.wanted).map_err(refused)? {
            Plan::Nothing => return Ok(false),
            Plan::Write => None,
            Plan::AskAgain => Some(self.request_id),
        };
        self.write(asked_by).await?;
        let before = existing.as_ref().and_then(synced_resource_version);
        self.wait_for_the_operator(before).await?;
        Ok(true)
    }

    /// The secret's tenant must be the namespace's, including "none".
    fn guard_tenant(self, of_namespace: Option<&str>) -> Result<(), DeliveryError> {
        let of_secret = self.wanted.route.tenant.as_deref();
        if of_secret == of_namespace {
            return Ok(());
        }
        let said = |tenant: Option<&str>| tenant.map_or("none".to_owned(), |tenant| format!("`{tenant}`"));
        Err(DeliveryError::TenantMismatch {
            secret: self.wanted.arn.to_owned(),
            of_secret: said(of_secret),
            namespace: self.wanted.route.namespace.clone(),
            of_namespace: said(of_namespace),
        })
    }

    async fn write(self, asked_by: Option<&str>) -> Result<(), DeliveryError> {
        let route = self.wanted.route;
        let fields = desired(self.wanted, asked_by);
        let failed = |source| self.failed(self.object("write"), source);
        if route.mode == Mode::Refresh {
            return self.api.annotate(route, &fields).await.map_err(failed);
        }
        let conflict = match self.api.apply(route, &fields, false).await {
            Err(ApiError::Conflict(conflict)) => conflict,
            other => return other.map_err(failed),
        };
        let object = self.api.external_secret(route).await.map_err(failed)?.unwrap_or_default();
        let others = other_appliers(&object);
        if !others.is_empty() {
            let managers = others.join(", ");
            return Err(DeliveryError::Conflict { object: route.to_string(), managers, conflict });
        }
        tracing::warn!("the ExternalSecret {route} was edited, and is set back: {conflict}");
        self.api.apply(route, &fields, true).await.map_err(failed)
    }

    /// Until the operator has read the secret since the object is as it should be.
    async fn wait_for_the_operator(self, before: Option<&str>) -> Result<(), DeliveryError> {
        let limit = self.delivery.config.sync_timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            let object = self.api.external_secret(self.wanted.route).await;
            let object = object.map_err(|source| self.failed(self.object("read"), source))?;
            let state = sync_state(&object.unwrap_or_default(), self.wanted.version, before);
            match state {
                // Superseded: whoever wrote another version saw another current one; so will the next look.
                Sync::Done | Sync::Superseded => return Ok(()),
                Sync::Pending(said) if self.began.elapsed() >= limit => return Err(self.not_synced(said)),
                Sync::Pending(_) => {}
            }
        }
    }

    fn not_synced(self, said: Option<String>) -> DeliveryError {
        let object = self.wanted.route.to_string();
        let said = said.unwrap_or_else(|| "nothing, so it may be down".to_owned());
        if said == OWNED_BY_ANOTHER {
            return DeliveryError::SecretTaken { object };
        }
        DeliveryError::NotSynced {
            object,
            version: self.wanted.version.to_owned(),
            waited: self.began.elapsed(),
            said,
        }
    }

    fn object(self, what: &str) -> String {
        format!("{what} the ExternalSecret {}", self.wanted.route)
    }

    fn failed(self, what: String, source: ApiError) -> DeliveryError {
        DeliveryError::Api { what, cluster: self.delivery.cluster.name().to_owned(), source }
    }
}

async fn describe(delivery: &Delivery, secret: &str) -> Result<Description, DeliveryError> {
    delivery.secrets.describe(secret).await.map_err(|source| DeliveryError::Secret {
        what: "describe",
        secret: secret.to_owned(),
        source,
    })
}

async fn write_receipt(
    delivery: &Delivery,
    description: &Description,
    version: &str,
) -> Result<(), DeliveryError> {
    if !delivery.config.write_receipt || description.tags.delivered() == Some(version) {
        return Ok(());
    }
    delivery.secrets.write_receipt(&description.arn, version).await.map_err(|source| DeliveryError::Secret {
        what: "write the receipt of",
        secret: description.arn.clone(),
        source,
    })
}

/// How long it took since the version became current, as far as the event says when that was.
fn measure(delivery: &Delivery, change: &Change, route: &Route, arn: &str, version: &str, changed: bool) {
    let now = (delivery.now)();
    let took = change.since.map(|since| now.duration_since(since).as_millis().max(0));
    let took_ms = took.and_then(|took| u64::try_from(took).ok());
    tracing::info!(
        secret.arn = arn,
        secret.version = version,
        duration_ms = took_ms,
        "the cluster `{}` holds version {version} in {route}{}",
        delivery.cluster.name(),
        if changed { "" } else { ", as it did before" },
    );
    if let (true, Some(took_ms)) = (changed, took_ms) {
        let properties = [("secretArn", arn), ("versionId", version)];
        let mode = [("Mode", route.mode.as_str())];
        metric(now.as_millisecond(), "DeliveryTime", Unit::Milliseconds, took_ms, &mode, &properties);
    }
}

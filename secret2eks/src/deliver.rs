//! The delivery of one secret: look up what is current, write it to the cluster, look again, write the receipt if a
//! rotation needs one.

use std::time::Instant;

use contract::Kind;
use lambda_boundary::{Unit, metric};

use crate::Delivery;
use crate::error::DeliveryError;
use crate::event::{Change, Trigger};
use crate::external_secret::{Delivered, Wanted};
use crate::in_cluster::{Attempt, Converged, InCluster};
use crate::kubernetes_api::KubernetesApi;
use crate::outcome::{Outcome, Warning};
use crate::question;
use crate::receipt;
use crate::route::{Route, Routing, goes_to, other_cluster, route};
use crate::secret_store::{Description, Standing};
use crate::take_back::{TakeBack, standing};

/// The number of rounds of one delivery. Each one after the first follows a change of the current version or of the tags.
pub const ROUNDS: usize = 3;

/// The answer for a secret that was deleted after its delivery was requested.
const DELETED: Outcome =
    Outcome::NotForKubernetes { reason: "the secret does not exist, or it is scheduled for deletion" };

/// Makes the cluster hold the version that is current.
///
/// Safe to repeat and to run twice at the same time, because every decision is based on the present state. If the tags change
/// meanwhile, the object that this delivery has written in a former place is taken back.
///
/// # Errors
/// When Secrets Manager, EKS, the cluster or the operator refuses something, or an object must not be changed.
pub async fn deliver(
    delivery: &Delivery,
    change: &Change,
    request_id: &str,
) -> Result<Outcome, DeliveryError> {
    let mut written = Vec::new();
    let outcome = bring(delivery, change, request_id, &mut written).await;
    let left = leave(delivery, &written).await;
    let outcome = outcome?;
    left?;
    Ok(outcome)
}

/// Adds to `written` what it has written in a place that the tags no longer defined afterwards.
async fn bring(
    delivery: &Delivery,
    change: &Change,
    request_id: &str,
    written: &mut Vec<Delivered>,
) -> Result<Outcome, DeliveryError> {
    let began = Instant::now();
    let Some(mut description) = describe(delivery, &change.secret_arn).await? else { return Ok(DELETED) };
    for _ in 0..ROUNDS {
        let Some(version) = description.current.clone() else {
            return Ok(Outcome::NotForKubernetes { reason: "no version of the secret is AWSCURRENT yet" });
        };
        if let Some(cluster) = other_cluster(&description.tags, delivery.cluster.name()) {
            return is_for_another(delivery, change, &description.arn, cluster);
        }
        let routing = route(&description.tags)
            .map_err(|source| DeliveryError::Tags { secret: description.arn.clone(), source })?;
        let Routing::To(route) = routing else {
            return Ok(Outcome::NotForKubernetes { reason: "the secret has no tags `secret2eks/...`" });
        };
        let receipt = description.tags.delivered();
        let wanted =
            Wanted { route: &route, arn: &description.arn, version: &version, receipt, unchecked: false };
        let is_open = question::is_open(&description, change);
        let is_receipt_due = receipt::is_due(&delivery.config, &description, &version);
        let Attempt { converged, unchecked } =
            match converge(delivery, wanted, (is_open, is_receipt_due), request_id, began).await {
                Ok(attempt) => attempt,
                Err(error) => {
                    // Its object may have been written before. It must not stay where the secret no longer goes.
                    let again = describe(delivery, &change.secret_arn).await;
                    if let (DeliveryError::HeldBack(_), Ok(Some(again))) = (&error, &again)
                        && again.current.as_deref() != Some(&version)
                    {
                        // The refused version is current no more.
                        description = again.clone();
                        continue;
                    }
                    written.extend(again.ok().flatten().and_then(|again| left(delivery, &again, &route)));
                    return Err(error);
                }
            };
        let changed = converged != Converged::Already;
        if changed {
            // The operator read the version that was current then. It may no longer be current, or go elsewhere.
            let Some(again) = describe(delivery, &change.secret_arn).await? else { return Ok(DELETED) };
            let left = left(delivery, &again, &route);
            let is_elsewhere = left.is_some();
            written.extend(left);
            if is_elsewhere || !receipt::is_earned(converged, &version, again.current.as_deref()) {
                description = again;
                continue;
            }
        }
        write_receipt(delivery, &description, &version).await?;
        measure(delivery, change, &route, &description.arn, &version, changed);
        let warnings = warnings(delivery, &description.arn, &version, unchecked);
        let Route { namespace, name, .. } = route;
        return Ok(Outcome::Delivered { version_id: version, namespace, name, changed, warnings });
    }
    Err(DeliveryError::MovedOn { secret: description.arn, rounds: ROUNDS })
}

/// What people have to know of the version that was delivered.
fn warnings(delivery: &Delivery, arn: &str, version: &str, unchecked: Option<String>) -> Vec<Warning> {
    let Some(reason) = unchecked else { return Vec::new() };
    let kind = Kind::DeliveryUnchecked;
    let message = format!(
        "version {version} of secret {arn} was delivered, although nobody has tested it and its login could not be checked: \
         {reason}"
    );
    tracing::warn!(kind = kind.as_str(), "{message}");
    let now = (delivery.now)().as_millisecond();
    metric(now, "DeliveriesUnchecked", Unit::Count, 1, &[], &[("secretArn", arn)]);
    vec![Warning { kind, message }]
}

/// What a delivery to `route` has written, if the secret goes elsewhere now.
fn left(delivery: &Delivery, secret: &Description, route: &Route) -> Option<Delivered> {
    let Route { namespace, name, .. } = route.clone();
    let is_here = goes_to(&secret.tags, delivery.cluster.name(), route);
    (!is_here).then(|| Delivered { namespace, name, arn: secret.arn.clone() })
}

/// Takes back what is in a place that the secret has left, as the event of its new tags would do.
async fn leave(delivery: &Delivery, written: &[Delivered]) -> Result<(), DeliveryError> {
    if written.is_empty() {
        return Ok(());
    }
    let (api, _) = connect(delivery).await?;
    for copy in written {
        TakeBack { delivery, api: &api, copy }.at_once().await?;
    }
    Ok(())
}

/// A secret of another cluster. The secret2eks of every cluster receives its native event, so there is nothing to do here.
/// But a caller that requests the delivery from this function expects the secret in this cluster, and would wait for a
/// receipt that never comes.
fn is_for_another(
    delivery: &Delivery,
    change: &Change,
    secret: &str,
    cluster: &str,
) -> Result<Outcome, DeliveryError> {
    let (secret, cluster) = (secret.to_owned(), cluster.to_owned());
    match change.trigger {
        Trigger::NativeEvent => {
            tracing::info!(
                secret.arn = secret,
                "secret {secret} goes to the cluster `{cluster}`, not to this one"
            );
            Ok(Outcome::OtherCluster { cluster })
        }
        Trigger::Request => {
            let own = delivery.cluster.name().to_owned();
            Err(DeliveryError::OtherCluster { secret, cluster, own })
        }
    }
}

/// Brings the cluster to `wanted`. If the kept connection no longer works, it tries once more with a new one.
async fn converge(
    delivery: &Delivery,
    wanted: Wanted<'_>,
    (is_open, is_receipt_due): (bool, bool),
    request_id: &str,
    began: Instant,
) -> Result<Attempt, DeliveryError> {
    let (api, is_new) = connect(delivery).await?;
    let in_cluster = InCluster { delivery, api: &api, wanted, request_id, began, is_open, is_receipt_due };
    match in_cluster.converge().await {
        Err(error) if error.is_of_the_connection() && !is_new => {
            tracing::warn!("the connection to the cluster no longer works, so a new one is made: {error}");
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

pub(crate) async fn connect(delivery: &Delivery) -> Result<(KubernetesApi, bool), DeliveryError> {
    delivery
        .cluster
        .connect((delivery.now)())
        .await
        .map_err(|source| DeliveryError::Connect { cluster: delivery.cluster.name().to_owned(), source })
}

/// None for a secret that was deleted, or is scheduled for deletion: the reconcile takes its objects back.
async fn describe(delivery: &Delivery, secret: &str) -> Result<Option<Description>, DeliveryError> {
    match standing(delivery, secret).await? {
        Standing::Exists(description) => Ok(Some(description)),
        Standing::Deleted(_) => Ok(None),
    }
}

async fn write_receipt(
    delivery: &Delivery,
    description: &Description,
    version: &str,
) -> Result<(), DeliveryError> {
    if !receipt::is_due(&delivery.config, description, version) {
        return Ok(());
    }
    delivery.secrets.write_receipt(&description.arn, version).await.map_err(|source| DeliveryError::Secret {
        what: "write the receipt of",
        secret: description.arn.clone(),
        source,
    })
}

/// The time since the version became current, if the event says when that was.
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
        if changed { "" } else { ", as before" },
    );
    if let (true, Some(took_ms)) = (changed, took_ms) {
        let properties = [("secretArn", arn), ("versionId", version)];
        let mode = [("Mode", route.mode.as_str())];
        metric(now.as_millisecond(), "DeliveryTime", Unit::Milliseconds, took_ms, &mode, &properties);
    }
}

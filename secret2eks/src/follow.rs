//! What a change of a secret's tags, its creation, its deletion or its restoration means for the cluster.
//!
//! An event makes it happen sooner. If it is lost, the reconcile does the same. What has lost its secret is always left to the
//! reconcile, which takes back no more than it may.

use lambda_boundary::{Unit, causes, metric};
use serde_json::Value;

use crate::Delivery;
use crate::deliver::{connect, deliver};
use crate::error::DeliveryError;
use crate::event::{Change, Life, Trigger};
use crate::external_secret::{Delivered, ours, suffix};
use crate::outcome::Outcome;
use crate::route::{Routing, other_cluster, route};
use crate::secret_store::{Description, Standing};
use crate::take_back::{AtOnce, TakeBack, request, standing};

/// Takes the copies of the secret back from where it no longer goes, and requests its delivery if it goes to this cluster. If
/// it goes to another place of this cluster, that place comes first.
///
/// # Errors
/// When Secrets Manager, the cluster or Lambda does not answer, or refuses.
pub async fn follow(delivery: &Delivery, life: &Life, request_id: &str) -> Result<Outcome, DeliveryError> {
    let standing = standing(delivery, &life.secret).await?;
    let arn = match &standing {
        Standing::Exists(secret) => Some(secret.arn.clone()),
        Standing::Deleted(arn) => arn.clone().or_else(|| life.arn.clone()),
    };
    let left = match arn.filter(|_| life.may_leave_copies) {
        Some(arn) => leave(delivery, &standing, &arn, request_id).await,
        None => Ok(Left::default()),
    };
    // Not before: two deliveries at the same time make the new place look as if it did not hold the version. The delivery has
    // nothing to do if the secret has arrived, and its success closes the incident of an earlier one.
    let requested = match &standing {
        Standing::Exists(secret) => request_if_wanted(delivery, secret, life.may_leave_copies).await?,
        Standing::Deleted(_) => false,
    };
    let Left { taken_back, left_to_reconcile } = left?;
    Ok(Outcome::Followed { requested, taken_back, left_to_reconcile })
}

/// What happened to the copies of a secret.
#[derive(Debug, Default)]
struct Left {
    taken_back: u64,
    left_to_reconcile: usize,
}

async fn leave(
    delivery: &Delivery,
    standing: &Standing,
    arn: &str,
    request_id: &str,
) -> Result<Left, DeliveryError> {
    let copies = copies(delivery, arn).await?;
    if copies.iter().any(|copy| has_moved(standing, copy)) {
        deliver_first(delivery, standing, request_id).await;
    }
    take_back(delivery, &copies).await
}

/// A secret with wrong tags is requested, too, because the failed delivery names the tag. So is one that may just have lost
/// its tags: its delivery ends with success and has nothing to do, which closes its incident.
async fn request_if_wanted(
    delivery: &Delivery,
    secret: &Description,
    may_have_left: bool,
) -> Result<bool, DeliveryError> {
    let is_routed = may_have_left || !matches!(route(&secret.tags), Ok(Routing::NotForKubernetes));
    let is_here = other_cluster(&secret.tags, delivery.cluster.name()).is_none();
    let Some(version) = secret.current.as_deref().filter(|_| is_routed && is_here) else {
        return Ok(false);
    };
    request(delivery, &secret.arn, version).await?;
    Ok(true)
}

/// The objects of the secret, in any namespace.
async fn copies(delivery: &Delivery, arn: &str) -> Result<Vec<Delivered>, DeliveryError> {
    let Some(suffix) = suffix(arn) else { return Ok(Vec::new()) };
    let (api, _) = connect(delivery).await?;
    let labelled = match api.copies(suffix).await {
        Ok(labelled) => labelled,
        Err(source) => {
            // Lambda's next attempt connects again.
            delivery.cluster.forget().await;
            let cluster = delivery.cluster.name().to_owned();
            return Err(DeliveryError::Api { what: format!("list the copies of {arn}"), cluster, source });
        }
    };
    let prefix = &delivery.config.secrets_arn_prefix;
    let of_this_secret = |object: &Value| ours(object, prefix).filter(|copy| copy.arn == arn);
    Ok(labelled.iter().filter_map(of_this_secret).collect())
}

/// Whether the tags name another place than that of `copy`.
fn has_moved(standing: &Standing, copy: &Delivered) -> bool {
    let Standing::Exists(secret) = standing else { return false };
    let Ok(Routing::To(route)) = route(&secret.tags) else { return false };
    route.namespace != copy.namespace || route.name != copy.name
}

/// Brings the secret to its new place, so that its copies can leave the old one. If that fails, the copies stay. The delivery
/// is requested, too: its own event reports the failure, and the next reconcile takes the copies back after it has succeeded.
async fn deliver_first(delivery: &Delivery, standing: &Standing, request_id: &str) {
    let Standing::Exists(secret) = standing else { return };
    let change =
        Change { secret_arn: secret.arn.clone(), since: None, trigger: Trigger::Request, tested: None };
    // On the heap: the future of a whole delivery is large.
    if let Err(error) = Box::pin(deliver(delivery, &change, request_id)).await {
        tracing::warn!(
            secret.arn = secret.arn,
            causes = causes(&error).join(": "),
            "the secret has not arrived at its new place, so it stays in the old one: {error}"
        );
    }
}

async fn take_back(delivery: &Delivery, copies: &[Delivered]) -> Result<Left, DeliveryError> {
    let mut left = Left::default();
    if copies.is_empty() {
        return Ok(left);
    }
    let (api, _) = connect(delivery).await?;
    for copy in copies {
        match (TakeBack { delivery, api: &api, copy }).at_once().await? {
            AtOnce::Stays => {}
            AtOnce::LeftToReconcile => left.left_to_reconcile += 1,
            AtOnce::TakenBack => left.taken_back += 1,
        }
    }
    if left.taken_back > 0 {
        let now = (delivery.now)().as_millisecond();
        metric(now, "ObjectsTakenBack", Unit::Count, left.taken_back, &[], &[]);
    }
    Ok(left)
}

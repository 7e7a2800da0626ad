//! What a change of a secret's tags, its creation, its deletion or its restoration means for the cluster.
//!
//! An event makes it happen sooner. If it is lost, the reconcile does the same.

use serde_json::Value;

use crate::Delivery;
use crate::deliver::{Outcome, connect};
use crate::error::DeliveryError;
use crate::event::Life;
use crate::external_secret::{Delivered, ours, suffix};
use crate::route::{Routing, other_cluster, route};
use crate::secret_store::{Description, Standing};
use crate::take_back::{TakeBack, request, standing};

/// Requests the delivery of the secret if it goes to this cluster, and takes its copies back from where it no longer goes.
///
/// # Errors
/// When Secrets Manager, the cluster or Lambda does not answer, or refuses.
pub async fn follow(delivery: &Delivery, life: &Life) -> Result<Outcome, DeliveryError> {
    let standing = standing(delivery, &life.secret).await?;
    let requested = match &standing {
        Standing::Exists(secret) => request_if_wanted(delivery, secret).await?,
        Standing::Deleted(_) => false,
    };
    let arn = match standing {
        Standing::Exists(secret) => Some(secret.arn),
        Standing::Deleted(arn) => arn.or_else(|| life.arn.clone()),
    };
    let suffix = arn.as_deref().filter(|_| life.may_leave_copies).and_then(suffix);
    let (Some(arn), Some(suffix)) = (&arn, suffix) else {
        return Ok(Outcome::Followed { requested, taken_back: 0, left_to_reconcile: 0 });
    };
    take_copies_back(delivery, arn, suffix, requested).await
}

/// A secret with wrong tags is requested, too, because the failed delivery names the tag.
async fn request_if_wanted(delivery: &Delivery, secret: &Description) -> Result<bool, DeliveryError> {
    let is_routed = !matches!(route(&secret.tags), Ok(Routing::NotForKubernetes));
    let is_here = other_cluster(&secret.tags, delivery.cluster.name()).is_none();
    let Some(version) = secret.current.as_deref().filter(|_| is_routed && is_here) else {
        return Ok(false);
    };
    request(delivery, &secret.arn, version).await?;
    Ok(true)
}

async fn take_copies_back(
    delivery: &Delivery,
    arn: &str,
    suffix: &str,
    requested: bool,
) -> Result<Outcome, DeliveryError> {
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
    let copies: Vec<Delivered> = labelled.iter().filter_map(of_this_secret).collect();
    let (mut taken_back, mut left_to_reconcile) = (0, 0);
    for copy in &copies {
        let taking = TakeBack { delivery, api: &api, copy };
        if taking.reason().await?.is_none() {
            continue;
        }
        if !delivery.budget.take((delivery.now)(), delivery.config.take_back_limit) {
            tracing::warn!(
                secret.arn = arn,
                "{} objects were taken back within an hour, so the reconcile decides about the ExternalSecret {copy}",
                delivery.config.take_back_limit
            );
            left_to_reconcile += 1;
        } else if taking.act().await? {
            taken_back += 1;
        }
    }
    Ok(Outcome::Followed { requested, taken_back, left_to_reconcile })
}

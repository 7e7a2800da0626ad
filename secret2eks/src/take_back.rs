//! Takes one object back: look again, delete exactly what was seen, look again.

use contract::{DeliveryRequest, Tags};
use serde_json::Value;

use crate::Delivery;
use crate::error::DeliveryError;
use crate::external_secret::{Delivered, Wanted, holds, is_ready, is_unchecked, ours};
use crate::kubernetes_api::{ApiError, KubernetesApi};
use crate::reconcile::verdict::{Reason, reason};
use crate::route::{Routing, route};
use crate::secret_store::Standing;

/// An object that may have to be taken back, and what to do it with.
#[derive(Debug, Clone, Copy)]
pub struct TakeBack<'a> {
    /// The clients and the configuration.
    pub delivery: &'a Delivery,
    /// The connection.
    pub api: &'a KubernetesApi,
    /// The object.
    pub copy: &'a Delivered,
}

/// What a single event did with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// There is no reason to take it back.
    Stays,
    /// The reconcile decides.
    LeftToReconcile,
    /// It was deleted.
    TakenBack,
}

impl TakeBack<'_> {
    /// Why the object has to be taken back, according to Secrets Manager. None if it stays. A secret that goes to another place
    /// keeps its object until it has arrived there: a wrong name in a tag must not take the credentials of a service away.
    ///
    /// # Errors
    /// When Secrets Manager or the API server does not answer. Then nothing is known, so the object stays.
    pub async fn reason(self) -> Result<Option<Reason>, DeliveryError> {
        let Self { delivery, api, copy } = self;
        let standing = standing(delivery, &copy.arn).await?;
        let labels = api.namespace_labels(&copy.namespace).await;
        let labels =
            labels.map_err(|source| self.failed("read the namespace of", source))?.unwrap_or_default();
        let tenant = labels.get(Tags::TENANT).map(String::as_str);
        match reason(&standing, copy, delivery.cluster.name(), tenant) {
            Some(Reason::Moved) if !self.has_arrived(&standing).await? => Ok(None),
            reason => Ok(reason),
        }
    }

    /// Whether the place that the tags name now holds the current version.
    async fn has_arrived(self, standing: &Standing) -> Result<bool, DeliveryError> {
        let Standing::Exists(secret) = standing else { return Ok(false) };
        let (Some(version), Ok(Routing::To(route))) = (secret.current.as_deref(), route(&secret.tags)) else {
            return Ok(false);
        };
        let object = match self.api.external_secret(&route.namespace, &route.name).await {
            // The namespace does not take part, or does not exist.
            Err(ApiError::AccessDenied(_)) => return Ok(false),
            object => object.map_err(|source| self.failed(&format!("read {route} instead of"), source))?,
        };
        Ok(object.is_some_and(|object| {
            let unchecked = is_unchecked(&object);
            let wanted = Wanted { route: &route, arn: &secret.arn, version, receipt: None, unchecked };
            holds(&object, wanted) && is_ready(&object)
        }))
    }

    /// Takes the object back because of a single event, if such an event may do that. The reconcile decides about every other
    /// reason, and about all of them if the configuration permits to take nothing back.
    ///
    /// # Errors
    /// As [`Self::act`].
    pub async fn at_once(self) -> Result<AtOnce, DeliveryError> {
        let Some(reason) = self.reason().await? else { return Ok(AtOnce::Stays) };
        if self.delivery.config.take_back_limit == 0 || !reason.is_at_once() {
            return Ok(AtOnce::LeftToReconcile);
        }
        let is_deleted = self.act_if(Reason::is_at_once).await?;
        Ok(if is_deleted { AtOnce::TakenBack } else { AtOnce::Stays })
    }

    /// Deletes the object if it is still one of ours for the same secret and there is still a reason. Returns whether it was
    /// deleted. The deletion names the state that was read, so a delivery that writes it meanwhile wins.
    ///
    /// Safe to repeat: an object that is gone is no error.
    ///
    /// # Errors
    /// When Secrets Manager does not answer, or the API server refuses.
    pub async fn act(self) -> Result<bool, DeliveryError> {
        self.act_if(|_| true).await
    }

    async fn act_if(self, is_allowed: fn(Reason) -> bool) -> Result<bool, DeliveryError> {
        let Self { delivery, api, copy } = self;
        let object = api.external_secret(&copy.namespace, &copy.name).await;
        let object = object.map_err(|source| self.failed("read", source))?.unwrap_or_default();
        if ours(&object, &delivery.config.secrets_arn_prefix).as_ref() != Some(copy) {
            return Ok(false);
        }
        let (Some(uid), Some(state), Some(reason)) =
            (text(&object, "uid"), text(&object, "resourceVersion"), self.reason().await?)
        else {
            return Ok(false);
        };
        if !is_allowed(reason) {
            return Ok(false);
        }
        let is_deleted = api.delete(&copy.namespace, &copy.name, uid, state).await;
        if !is_deleted.map_err(|source| self.failed("delete", source))? {
            return Ok(false);
        }
        tracing::warn!(
            secret.arn = copy.arn,
            "secret2eks took the ExternalSecret {copy} back: {}",
            reason.as_str()
        );
        self.restore().await?;
        Ok(true)
    }

    /// Somebody may have moved the secret back before the object was deleted, and its delivery found nothing to do.
    async fn restore(self) -> Result<(), DeliveryError> {
        if self.reason().await?.is_some() {
            return Ok(());
        }
        if let Standing::Exists(secret) = standing(self.delivery, &self.copy.arn).await?
            && let Some(version) = secret.current
        {
            request(self.delivery, &secret.arn, &version).await?;
        }
        Ok(())
    }

    fn failed(self, what: &str, source: ApiError) -> DeliveryError {
        let what = format!("{what} the ExternalSecret {}", self.copy);
        DeliveryError::Api { what, cluster: self.delivery.cluster.name().to_owned(), source }
    }
}

/// Whether the secret exists.
///
/// # Errors
/// When Secrets Manager does not answer.
pub async fn standing(delivery: &Delivery, secret: &str) -> Result<Standing, DeliveryError> {
    delivery.secrets.standing(secret).await.map_err(|source| DeliveryError::Secret {
        what: "describe",
        secret: secret.to_owned(),
        source,
    })
}

/// Puts the delivery of a secret into the function's own queue. It has its own time limit, retries and incident there.
///
/// # Errors
/// When Lambda does not take it.
pub async fn request(delivery: &Delivery, secret: &str, version: &str) -> Result<(), DeliveryError> {
    let (secret_arn, version_id) = (secret.to_owned(), version.to_owned());
    let request = DeliveryRequest { secret_arn, version_id, attempt: 1, tested: false, promoted_at: None };
    let failed = |source| DeliveryError::Request { secret: secret.to_owned(), source };
    delivery.requests.request(&request).await.map_err(failed).map(drop)
}

fn text<'o>(object: &'o Value, field: &str) -> Option<&'o str> {
    object["metadata"][field].as_str()
}

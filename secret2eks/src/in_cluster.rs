//! One attempt with one connection: compare, write, wait for the operator.

use std::time::{Duration, Instant};

use contract::Tags;
use serde_json::Value;

use crate::Delivery;
use crate::check::Checked;
use crate::error::DeliveryError;
use crate::external_secret::{
    Plan, Proof, Refusal, Sync, Wanted, desired, is_evidence, is_pinned, other_appliers, patch, plan,
    set_back, sync_state, synced_resource_version, who_applies_the_specification, written_at,
};
use crate::kubernetes_api::{ApiError, KubernetesApi};
use crate::route::{Mode, Route};

/// Kubernetes writes times in whole seconds. After this time, the next second has begun.
const NEXT_SECOND: Duration = Duration::from_millis(1_050);
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The message of External Secrets Operator's condition (its `msgErrorIsOwned`). It is the only sign of this cause in the
/// object. If the operator uses other words, the failure is `delivery.not_synced`.
const OWNED_BY_ANOTHER: &str = "target is owned by another ExternalSecret";

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Converged {
    /// The cluster held the wanted version before.
    Already,
    /// The operator has synced the object that was written.
    Synced,
    /// Another request wrote another version meanwhile, or somebody deleted the object, so nothing is proved.
    Superseded,
}

/// One attempt with one connection.
#[derive(Debug, Clone, Copy)]
pub struct InCluster<'a> {
    /// The clients and the configuration.
    pub delivery: &'a Delivery,
    /// The connection.
    pub api: &'a KubernetesApi,
    /// What the cluster should hold.
    pub wanted: Wanted<'a>,
    /// Lambda's request id, which is new with every attempt.
    pub request_id: &'a str,
    /// When the delivery began.
    pub began: Instant,
    /// Whether nobody vouches for the version.
    pub is_open: bool,
    /// Whether the receipt is written afterwards.
    pub is_receipt_due: bool,
}

/// What one attempt did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub converged: Converged,
    /// Why the version could not be checked, if it was delivered nevertheless.
    pub unchecked: Option<String>,
}

impl InCluster<'_> {
    /// Compares, checks the version if nobody vouches for it, writes, and waits for the operator.
    ///
    /// # Errors
    /// When the cluster refuses something, the object must not be changed, the broker refuses the version, or the operator does
    /// not answer in time.
    pub async fn converge(mut self) -> Result<Attempt, DeliveryError> {
        let route = self.wanted.route;
        let (labels, existing) = tokio::join!(self.api.namespace_labels(&route.namespace), self.current());
        let labels = labels
            .map_err(|source| self.failed(format!("read the namespace `{}`", route.namespace), source))?;
        let labels = labels.ok_or_else(|| DeliveryError::NamespaceMissing {
            secret: self.wanted.arn.to_owned(),
            namespace: route.namespace.clone(),
            cluster: self.delivery.cluster.name().to_owned(),
        })?;
        let of_namespace = labels.get(Tags::TENANT).map(String::as_str);
        if let Some(error) = other_tenant(self.wanted.arn, self.wanted.route, of_namespace) {
            return Err(error);
        }
        let mut existing = existing.map_err(|source| self.failed(self.object("read"), source))?;
        // An object that must not be changed needs no check.
        let mut plan = self.plan(existing.as_ref())?;
        let mut unchecked = None;
        let checked = self.check(existing.as_ref()).await?;
        if checked != Checked::NotNeeded {
            // Meanwhile, somebody who vouches for the version may have written the object.
            let again = self.current().await;
            existing = again.map_err(|source| self.failed(self.object("read"), source))?;
            unchecked = match checked {
                Checked::Unknown(reason) if !self.is_vouched_for(existing.as_ref()) => Some(reason),
                _ => None,
            };
            self.wanted.unchecked = unchecked.is_some();
            // The operator has as much time as without a check.
            self.began = Instant::now();
            plan = self.plan(existing.as_ref())?;
        }
        let converged = match self.carry_out(plan, existing).await {
            Err(DeliveryError::Api { source: ApiError::Gone, .. }) => Converged::Superseded,
            other => other?,
        };
        Ok(Attempt { converged, unchecked })
    }

    fn plan(self, existing: Option<&Value>) -> Result<Plan, DeliveryError> {
        let plan = plan(existing, self.wanted).map_err(|source| self.refused(source))?;
        Ok(plan.with_proof(self.is_receipt_due))
    }

    async fn carry_out(self, plan: Plan, existing: Option<Value>) -> Result<Converged, DeliveryError> {
        let before = existing.as_ref();
        match plan {
            Plan::Nothing => Ok(Converged::Already),
            Plan::Write { settled: true } => {
                self.write(before, None).await?;
                self.wait_for_a_change(before).await
            }
            Plan::Prove => {
                self.write(before, Some(self.request_id)).await?;
                self.wait_for_a_change(before).await
            }
            Plan::Write { settled: false } => {
                self.write(before, None).await?;
                self.ask_again(&self.written().await?).await
            }
            Plan::AskAgain => self.ask_again(&existing.unwrap_or_default()).await,
            Plan::SetBack { fields } => {
                self.take_back(&existing.unwrap_or_default(), fields).await?;
                self.ask_again(&self.written().await?).await
            }
        }
    }

    /// Restores the specification.
    async fn take_back(self, existing: &Value, fields: String) -> Result<(), DeliveryError> {
        let route = self.wanted.route;
        let others = who_applies_the_specification(existing);
        if !others.is_empty() {
            let (object, managers) = (route.to_string(), others.join(", "));
            return Err(DeliveryError::Conflict { object, managers, conflict: fields });
        }
        if is_pinned(existing) {
            tracing::info!("the ExternalSecret {route} reads what is AWSCURRENT again");
        } else {
            tracing::warn!("the ExternalSecret {route} was edited, so secret2eks restores it: {fields}");
        }
        let patch = set_back(existing, self.wanted);
        self.api.merge(route, &patch).await.map_err(|source| self.failed(self.object("write"), source))?;
        // The removal of a field leaves no time in the object. A new annotation does.
        self.write(Some(existing), Some(&format!("{}-set-back", self.request_id))).await
    }

    /// Asks for another sync, after the second in which the object was written. A sync may be in progress that began before
    /// the object became right. A sync that begins in a later second cannot be that one.
    async fn ask_again(self, object: &Value) -> Result<Converged, DeliveryError> {
        let written = written_at(object).unwrap_or_else(|| (self.delivery.now)());
        tokio::time::sleep(NEXT_SECOND).await;
        self.write(Some(object), Some(self.request_id)).await?;
        self.wait_for_the_operator(&Proof::After(written)).await
    }

    /// Creates the object, or writes to the one that was read before, `existing`. If that one was taken back or deleted since
    /// then, the secret may go elsewhere, so nothing is created in its place: the error is [`ApiError::Gone`].
    async fn write(self, existing: Option<&Value>, asked_by: Option<&str>) -> Result<(), DeliveryError> {
        let route = self.wanted.route;
        let failed = |source| self.failed(self.object("write"), source);
        if route.mode == Mode::Refresh {
            return self.api.merge(route, &patch(self.wanted, asked_by)).await.map_err(failed);
        }
        let mut fields = desired(self.wanted, asked_by);
        let uid = existing.map(|existing| &existing["metadata"]["uid"]);
        if let Some(uid) = uid {
            // The API server then refuses to create it.
            fields["metadata"]["uid"] = uid.clone();
        }
        let conflict = match self.api.apply(route, &fields, false).await {
            Err(ApiError::Conflict(conflict)) => conflict,
            other => return other.map_err(failed),
        };
        let object = self.current().await.map_err(failed)?.unwrap_or_default();
        if uid.is_some_and(|uid| object["metadata"]["uid"] != *uid) {
            return Err(failed(ApiError::Gone));
        }
        let others = other_appliers(&object);
        if !others.is_empty() {
            let managers = others.join(", ");
            return Err(DeliveryError::Conflict { object: route.to_string(), managers, conflict });
        }
        tracing::warn!("the ExternalSecret {route} was edited, so secret2eks restores it: {conflict}");
        self.api.apply(route, &fields, true).await.map_err(failed)
    }

    /// The object, after it was written.
    async fn written(self) -> Result<Value, DeliveryError> {
        let object = self.current().await.and_then(|object| object.ok_or(ApiError::Gone));
        object.map_err(|source| self.failed(self.object("read"), source))
    }

    /// Waits until the operator has synced another object than `before`, with which it has finished.
    async fn wait_for_a_change(self, before: Option<&Value>) -> Result<Converged, DeliveryError> {
        let before = before.and_then(synced_resource_version).map(str::to_owned);
        self.wait_for_the_operator(&Proof::Change(before)).await
    }

    /// Waits until the operator has read the secret since the object became right.
    async fn wait_for_the_operator(self, proof: &Proof) -> Result<Converged, DeliveryError> {
        let limit = self.delivery.config.sync_timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            let object = self.written().await?;
            match sync_state(&object, self.wanted.version, proof) {
                Sync::Done => {
                    is_evidence(&object, self.wanted).map_err(|source| self.refused(source))?;
                    return Ok(Converged::Synced);
                }
                Sync::NotWritten(said) => return Err(self.not_synced(Some(said))),
                Sync::Superseded => return Ok(Converged::Superseded),
                Sync::Pending(said) if self.began.elapsed() >= limit => return Err(self.not_synced(said)),
                Sync::Pending(_) => {}
            }
        }
    }

    pub(crate) async fn current(self) -> Result<Option<Value>, ApiError> {
        self.api.external_secret(&self.wanted.route.namespace, &self.wanted.route.name).await
    }

    fn refused(self, source: Refusal) -> DeliveryError {
        let (object, secret) = (self.wanted.route.to_string(), self.wanted.arn.to_owned());
        DeliveryError::Refused { object, secret, source }
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

/// The secret's tenant must be the namespace's tenant. Either both have one, or none of them.
pub(crate) fn other_tenant(secret: &str, route: &Route, of_namespace: Option<&str>) -> Option<DeliveryError> {
    let of_secret = route.tenant.as_deref();
    if of_secret == of_namespace {
        return None;
    }
    let said = |tenant: Option<&str>| tenant.map_or("none".to_owned(), |tenant| format!("`{tenant}`"));
    Some(DeliveryError::TenantMismatch {
        secret: secret.to_owned(),
        of_secret: said(of_secret),
        namespace: route.namespace.clone(),
        of_namespace: said(of_namespace),
    })
}

//! Brings the whole cluster to what the tags of all secrets define, whatever events were lost.
//!
//! It lists the secrets that go to the cluster and the objects in the cluster, page by page, and compares them. What is
//! missing or different is requested from this function itself, one event for each secret. What has lost its secret is taken
//! back. Everything is decided from the present state, so a run that was cut off loses nothing: the next one begins again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use contract::{DeliveryRequest, Tags};
use lambda_boundary::{Unit, metric};

use self::failures::Failures;
use self::limit::limit;
use self::wanted::{Wants, some_of};
use crate::Delivery;
use crate::deliver::connect;
use crate::error::DeliveryError;
use crate::event::Order;
use crate::external_secret::{Delivered, ours};
use crate::kubernetes_api::{ApiError, KubernetesApi};
use crate::lanes::{in_lanes, locked};
use crate::outcome::Outcome;
use crate::take_back::{TakeBack, request};

mod failures;
pub mod limit;
pub mod verdict;
pub mod wanted;

/// Deliveries of one run. Four runs in an hour deliver 10,000 secrets whose events were all lost. If the operator is down,
/// each delivery occupies the function until its time limit, so there must not be more. Lambda repeats a run that fails twice,
/// so it may request three times as many: a delivery that has succeeded by then is not requested again.
const REQUESTS_LIMIT: usize = 2_500;
/// More than any cluster has.
const PAGES_LIMIT: usize = 10_000;

/// One run.
#[derive(Debug)]
struct Run<'a> {
    delivery: &'a Delivery,
    api: KubernetesApi,
    until: Instant,
    failures: Failures,
}

/// What is in the cluster.
#[derive(Debug, Default)]
struct Objects {
    /// All `ExternalSecrets`.
    count: usize,
    /// Those that secret2eks has created.
    ours: usize,
    /// Those of ours that no secret wants where they are.
    candidates: Vec<Delivered>,
}

/// Compares everything until `until`.
///
/// # Errors
/// When one of the lists could not be read to its end. When more would be taken back than `order` and the configuration
/// allow: then nothing was. When something failed for single objects: then the others were done.
pub async fn reconcile(delivery: &Delivery, order: &Order, until: Instant) -> Result<Outcome, DeliveryError> {
    // The kept token may be too old for a long run.
    delivery.cluster.forget().await;
    let (api, _) = connect(delivery).await?;
    let run = Run { delivery, api, until, failures: Failures::default() };
    let mut wants = run.list_secrets().await?;
    let Objects { count: objects, ours, mut candidates } = run.list_objects(&mut wants).await?;
    let tenants = run.tenants(&wants).await;
    candidates.extend(wants.strangers(&tenants));
    if let Some(allowed) = &order.allowed {
        tracing::warn!(by = allowed.by, reason = allowed.reason, "{allowed}");
    }
    let limit = limit(delivery.config.take_back_limit, ours, order.allowed.as_ref());
    let confirmed = run.confirm(candidates, limit).await;
    let requests = wants.requests(&tenants);
    let (secrets, not_ready) = (wants.len(), wants.not_ready());
    // What frees a place comes before the secret that wants it.
    let (taken_back, withheld) = match confirmed {
        Ok(confirmed) => (run.take_back(confirmed).await, None),
        Err(withheld) => (0, Some(withheld)),
    };
    let (requested, waiting) = run.request(requests).await;
    tracing::info!(
        secrets,
        objects,
        requested,
        waiting,
        taken_back,
        not_ready,
        "reconciled the cluster `{}`: {requested} deliveries requested, {taken_back} objects taken back",
        delivery.cluster.name()
    );
    run.measure(requested, taken_back, not_ready);
    if let Some(withheld) = withheld {
        return Err(withheld);
    }
    run.failures.end(Outcome::Reconciled { secrets, objects, requested, waiting, taken_back })
}

impl Run<'_> {
    async fn list_secrets(&self) -> Result<Wants, DeliveryError> {
        let config = &self.delivery.config;
        let prefix = contract::secret_name(&config.secrets_arn_prefix).unwrap_or_default();
        let (mut wants, mut next) = (Wants::default(), None);
        for _ in 0..PAGES_LIMIT {
            self.is_in_time("listing the secrets")?;
            let page = self.delivery.secrets.routed(prefix, next.as_deref()).await;
            let page = page.map_err(|source| DeliveryError::List { what: "secrets", source })?;
            for secret in page.secrets {
                wants.add(secret, config);
            }
            next = page.next;
            if next.is_none() {
                return Ok(wants);
            }
        }
        Err(DeliveryError::Cut("listing the secrets"))
    }

    async fn list_objects(&self, wants: &mut Wants) -> Result<Objects, DeliveryError> {
        let (mut found, mut next) = (Objects::default(), None);
        let config = &self.delivery.config;
        for _ in 0..PAGES_LIMIT {
            self.is_in_time("listing the ExternalSecrets")?;
            let page = self.api.external_secrets_of_all(next.as_deref()).await;
            let page = page.map_err(|source| self.failed("list the ExternalSecrets".to_owned(), source))?;
            found.count += page.objects.len();
            for object in &page.objects {
                found.ours += usize::from(ours(object, &config.secrets_arn_prefix).is_some());
                found.candidates.extend(wants.compare(object, config));
            }
            next = page.next;
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(DeliveryError::Cut("listing the ExternalSecrets"))
    }

    /// The label `tenant` of each namespace that holds something. A namespace that does not exist, or whose label cannot be
    /// read, is left out.
    async fn tenants(&self, wants: &Wants) -> BTreeMap<String, Option<String>> {
        let tenants = Mutex::new(BTreeMap::new());
        in_lanes(wants.namespaces().into_iter().collect(), async |namespace: String| {
            match self.api.namespace_labels(&namespace).await {
                Ok(Some(mut labels)) => {
                    let tenant = labels.remove(Tags::TENANT);
                    locked(&tenants).insert(namespace, tenant);
                }
                Ok(None) => {}
                Err(source) => self.note(self.failed(format!("read the namespace `{namespace}`"), source)),
            }
        })
        .await;
        std::mem::take(&mut *locked(&tenants))
    }

    /// The candidates for which Secrets Manager names a reason, or an error if they are more than `limit`.
    ///
    /// If even all candidates are not too many, they need not be counted. Each is looked at again before it is taken back.
    async fn confirm(
        &self,
        candidates: Vec<Delivered>,
        limit: usize,
    ) -> Result<Vec<Delivered>, DeliveryError> {
        if candidates.len() <= limit {
            return Ok(candidates);
        }
        let confirmed = Mutex::new(Vec::new());
        let all = || locked(&confirmed);
        in_lanes(candidates, async |copy: Delivered| {
            if all().len() > limit || self.is_over() {
                return;
            }
            let reason = TakeBack { delivery: self.delivery, api: &self.api, copy: &copy }.reason().await;
            match reason {
                Ok(Some(_)) => all().push(copy),
                Ok(None) => {}
                Err(error) => self.note(error),
            }
        })
        .await;
        let confirmed: Vec<Delivered> = std::mem::take(&mut *all());
        match confirmed.first() {
            Some(first) if confirmed.len() > limit => {
                let cluster = self.delivery.cluster.name().to_owned();
                Err(DeliveryError::Withheld { limit, cluster, example: first.to_string() })
            }
            _ => Ok(confirmed),
        }
    }

    async fn take_back(&self, confirmed: Vec<Delivered>) -> usize {
        let (count, left) = (Mutex::new(0), Mutex::new(0));
        in_lanes(confirmed, async |copy: Delivered| {
            if self.is_over() {
                *locked(&left) += 1;
                return;
            }
            let taken = TakeBack { delivery: self.delivery, api: &self.api, copy: &copy }.act().await;
            match taken {
                Ok(true) => *locked(&count) += 1,
                Ok(false) => {}
                Err(error) => self.note(error),
            }
        })
        .await;
        // One line of the log for all of them: the next run takes them back.
        if *locked(&left) > 0 {
            self.note(DeliveryError::Cut("taking back what has lost its secret"));
        }
        *locked(&count)
    }

    /// How many were requested, and how many wait for the next run.
    async fn request(&self, requests: Vec<DeliveryRequest>) -> (usize, usize) {
        let all = requests.len();
        let seed = usize::try_from((self.delivery.now)().as_millisecond()).unwrap_or_default();
        let count = Mutex::new(0);
        in_lanes(some_of(requests, REQUESTS_LIMIT, seed), async |one: DeliveryRequest| {
            if self.is_over() {
                return;
            }
            match request(self.delivery, &one.secret_arn, &one.version_id).await {
                Ok(()) => *locked(&count) += 1,
                Err(error) => self.note(error),
            }
        })
        .await;
        let requested = *locked(&count);
        (requested, all - requested)
    }

    fn measure(&self, requested: usize, taken_back: usize, not_ready: usize) {
        let now = (self.delivery.now)().as_millisecond();
        for (name, count) in [
            ("DeliveriesMissed", requested),
            ("ObjectsTakenBack", taken_back),
            ("ObjectsNotReady", not_ready),
        ] {
            metric(now, name, Unit::Count, u64::try_from(count).unwrap_or(u64::MAX), &[], &[]);
        }
    }

    fn note(&self, error: DeliveryError) {
        self.failures.note(error);
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    fn is_in_time(&self, what: &'static str) -> Result<(), DeliveryError> {
        if self.is_over() { Err(DeliveryError::Cut(what)) } else { Ok(()) }
    }

    fn failed(&self, what: String, source: ApiError) -> DeliveryError {
        DeliveryError::Api { what, cluster: self.delivery.cluster.name().to_owned(), source }
    }
}

//! Thousands of customers' secrets, ten in a namespace: created, all changed at once, reconciled with nothing to do, and
//! offboarded. The API server and the operator are real, and AWS is emulated, with its quotas.
//!
//! The emulator serves a few hundred calls a second. So what the function itself needs is measured beside it: the CPU time of
//! its processes, and the times of a process that has the share of a core that Lambda gives it.

mod alone;
mod cost;
mod drive;
mod figures;
mod phase;
mod reason;
mod report;
mod shape;
mod usage;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use testbed::aws::RotationOptions;
use testbed::cloud::{Answer, Cloud};
use testbed::kubernetes::{Kubernetes, OPERATOR_LIMITS};

#[cfg(test)]
pub(crate) use self::figures::example;
pub use self::figures::{Phase, Safeguard, Tenants};
use self::phase::{CHANGED, CREATED, DELETED, OFFBOARDED, RECONCILED};
use self::shape::{PREFIX, Shape};
use self::usage::Usage;
use crate::figures::Machine;
use crate::plan::Plan;
use crate::release::Release;
use crate::storm::{SYNC_TIMEOUT_SECONDS, incidents_are_reported};

/// `TakeBackLimit` of the testbed's stack.
const TAKE_BACK_LIMIT: usize = 100;
const WITHHELD: &str = "delivery.take_back_withheld";
/// How often a person would order the reconcile until everything is taken back.
const RUNS: usize = 50;
const LOOK: Duration = Duration::from_secs(2);

/// What all phases need.
struct Run<'a> {
    cloud: &'a Cloud,
    kubernetes: &'a Kubernetes,
    function: &'a str,
    shape: Shape,
    usage: Usage,
    tell: fn(&str),
}

impl Tenants {
    /// Creates the namespaces and takes the secrets through all phases. Calls `tell` with the progress.
    ///
    /// # Errors
    /// When something cannot be created, or a phase does not end within its time. A delivery that fails is counted and is no
    /// error.
    pub async fn measure(
        cloud: &Cloud,
        release: &Release,
        plan: &Plan<'_>,
        machine: Machine,
        secrets: usize,
        tell: fn(&str),
    ) -> Result<Self> {
        let (kubernetes, function) = (cloud.kubernetes()?, cloud.delivery_function()?);
        let shape = Shape::of(secrets);
        cloud.add_variables(function, &[("SYNC_TIMEOUT_SECONDS", SYNC_TIMEOUT_SECONDS)]).await?;
        let run = Run { cloud, kubernetes, function, shape, usage: Usage::start(cloud)?, tell };
        run.create_namespaces().await?;

        run.send_events_of_calls(true).await?;
        let created = run.phase(CREATED, run.drive(CREATED, async |n| shape.create(cloud, n).await)).await;
        run.send_events_of_calls(false).await?;
        let mut phases = vec![run.delivered(created?, "created").await?];
        let changed =
            run.phase(CHANGED, run.drive(CHANGED, async |n| shape.change(cloud, n).await.map(drop))).await?;
        phases.push(run.delivered(changed, "changed").await?);
        phases.push(run.phase(RECONCILED, run.reconcile()).await?);

        tell("  secret2eks alone, at its share of a core");
        let (deliveries, reconciles) = alone::measure(cloud, release, plan, shape).await?;

        phases.push(run.phase(DELETED, run.drive(DELETED, async |n| shape.delete(cloud, n).await)).await?);
        let safeguard = run.safeguard().await?;
        let mut runs = 0;
        let offboarded = run.phase(OFFBOARDED, run.offboard(&mut runs)).await?;
        phases.push(offboarded);
        cloud.aws.set_rate_limits(None).await?;
        Ok(Self {
            machine,
            secrets: shape.secrets,
            namespaces: shape.namespaces,
            operator: OPERATOR_LIMITS.join(" "),
            events_in_progress: drive::IN_PROGRESS,
            most_processes: run.usage.most_processes(),
            phases,
            safeguard,
            offboarding_runs: runs,
            deliveries,
            reconciles,
        })
    }
}

impl Run<'_> {
    async fn create_namespaces(&self) -> Result<()> {
        let (names, began) = (self.shape.names(), Instant::now());
        let progress = |ready: usize| {
            if ready.is_multiple_of(drive::STEP) {
                (self.tell)(&drive::progress("namespaces with a store", ready, names.len(), began.elapsed()));
            }
        };
        let creating = self.kubernetes.create_tenants(&self.cloud.aws, &names, shape::SECRETS, progress);
        let limit = drive::limit(names.len());
        tokio::time::timeout(limit, creating)
            .await
            .with_context(|| format!("the namespaces were not created within {limit:?}"))?
    }

    /// With a trail in the account, CloudTrail's events follow each call that creates, deletes or tags a secret.
    async fn send_events_of_calls(&self, sends: bool) -> Result<()> {
        let options = RotationOptions { api_events: Some(sends), ..RotationOptions::default() };
        self.cloud.aws.set_rotation_options(None, &options).await
    }

    /// Makes a call for each secret, and waits for the end of all events that follow.
    async fn drive(&self, what: &str, call: impl AsyncFn(usize) -> Result<()>) -> Result<(Duration, usize)> {
        let time = drive::all(self, what, call).await?;
        Ok((time, self.shape.secrets))
    }

    /// Measures a part of the run. `work` returns its time, and the number of secrets.
    async fn phase(
        &self,
        name: &str,
        work: impl Future<Output = Result<(Duration, usize)>>,
    ) -> Result<Phase> {
        (self.tell)(&format!("  {name}"));
        let incidents = self.opened(|_| true).await?;
        self.cloud.aws.set_rate_limits(Some(1.0)).await?;
        let before = self.usage.now()?;
        let (time, secrets) = work.await.with_context(|| format!("{name}: failed"))?;
        let used = self.usage.now()?.since(&before);
        let calls = self.cloud.aws.calls().await?;
        let limit = drive::limit(self.shape.secrets);
        let reported = incidents_are_reported(self.cloud, limit);
        drive::patiently("dlq-handler ends incidents", limit, self.tell, reported).await?;
        Ok(Phase {
            name: name.to_owned(),
            secrets,
            time_ms: u64::try_from(time.as_millis())?,
            calls: calls.into_iter().map(|(name, calls)| (name, [calls.served, calls.refused])).collect(),
            machine_cpu_ms: used.machine_ms,
            cpu_ms: used.parts.into_iter().map(|(part, ms)| (part.as_str().to_owned(), ms)).collect(),
            measured_ms: used.time_ms,
            peak_kb: self.usage.peak_kb(),
            incidents: self.opened(|_| true).await?.saturating_sub(incidents),
        })
    }

    /// Replaces the number of secrets by the number of those whose value is in the cluster.
    async fn delivered(&self, phase: Phase, password: &str) -> Result<Phase> {
        let mut secrets = 0;
        let count = |_: &str, _: &str, data: &testbed::kubernetes::SecretData| {
            secrets += usize::from(data.get("password").is_some_and(|found| found == password));
        };
        self.kubernetes.each_secret(PREFIX, count).await?;
        Ok(Phase { secrets, ..phase })
    }

    /// One run of the deployed function.
    async fn reconcile(&self) -> Result<(Duration, usize)> {
        let (order, began) = (json!({"Action": "reconcile"}), Instant::now());
        let answer = self.cloud.invoke_function(self.function, &order);
        let limit = drive::limit(self.shape.secrets);
        let answer = drive::patiently("the reconcile", limit, self.tell, answer).await?.value()?;
        let time = began.elapsed();
        ensure!(answer["requested"] == 0 && answer["takenBack"] == 0, "there was something to do: {answer}");
        Ok((time, usize::try_from(answer["secrets"].as_u64().unwrap_or_default())?))
    }

    /// All secrets were deleted, and no event said so. The reconcile must take back none of them and notify people once.
    async fn safeguard(&self) -> Result<Safeguard> {
        (self.tell)("  the safeguard against mass deletion");
        let limit = TAKE_BACK_LIMIT.min(self.shape.secrets / 2);
        if limit < TAKE_BACK_LIMIT {
            let limit = limit.to_string();
            self.cloud.add_variables(self.function, &[("TAKE_BACK_LIMIT", &limit)]).await?;
        }
        self.cloud.send_event(self.function, &json!({"Action": "reconcile"})).await?;
        let time = drive::limit(self.shape.secrets);
        let ended = self.cloud.aws.wait_for_events(self.function, time);
        drive::patiently("a reconcile and its two retries", time, self.tell, ended).await?;
        incidents_are_reported(self.cloud, time).await?;
        let is_withheld =
            |alert: &Value| alert.pointer("/metadata/additionalContext/kind") == Some(&json!(WITHHELD));
        let alerts = self.opened(is_withheld).await?;
        let kept = self.kubernetes.external_secrets_in(PREFIX).await?;
        Ok(Safeguard { limit, deleted: self.shape.secrets, kept, alerts })
    }

    /// A person allows to take all of them back. Counts the runs that this takes.
    async fn offboard(&self, runs: &mut usize) -> Result<(Duration, usize)> {
        let (began, limit) = (Instant::now(), drive::limit(self.shape.secrets));
        let order = json!({
            "Action": "reconcile", "TakeBackUpTo": self.shape.secrets,
            "By": "cargo xtask bench", "Reason": "all customers leave",
        });
        loop {
            *runs += 1;
            ensure!(*runs <= RUNS && began.elapsed() < limit, "{runs} runs have not taken everything back");
            let answer = self.cloud.invoke_function(self.function, &order);
            match drive::patiently("the reconcile takes back", limit, self.tell, answer).await? {
                Answer::Done(_) => break,
                // The next run goes on.
                Answer::Failed { kind, message } => (self.tell)(&format!("  {kind}: {message}")),
            }
        }
        // The operator removes its finalizer, and the garbage collector deletes the Secret.
        loop {
            let mut left = self.kubernetes.external_secrets_in(PREFIX).await?;
            self.kubernetes.each_secret(PREFIX, |_, _, _| left += 1).await?;
            if left == 0 {
                return Ok((began.elapsed(), self.shape.secrets));
            }
            if began.elapsed() > limit {
                bail!("{left} objects are left after {limit:?}");
            }
            (self.tell)(&format!("  {:>4} s: {left} objects are left", began.elapsed().as_secs()));
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The number of incidents that were opened up to now.
    async fn opened(&self, is_meant: impl Fn(&Value) -> bool) -> Result<usize> {
        let is_opened = |alert: &Value| alert["metadata"]["eventType"] == "incident.opened";
        let opened = self.cloud.alerts.wait_until(0, |alert| is_opened(alert) && is_meant(alert)).await?;
        Ok(opened.len())
    }
}

//! Checks the handler's reports: the incidents of a secret, as people and other systems receive them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::{Value, json};
use testbed::cloud::DeadLetterQueue;

use super::end::End;
use super::evidence::REQUEST_FAILED;
use super::stand::{Account, RECEIPT, Stand};

/// A message that could not be handled is delivered again. It may have to wait for the end of a killed handler.
const DONE: Duration = Duration::from_secs(60);
/// The SDK repeats a call of SNS or EventBridge if the answer is lost or late. On a busy machine, answers are often late.
const SDK_ATTEMPTS: usize = 3;
/// The calls are also repeated when SQS delivers the message again.
const SQS_ATTEMPTS: usize = 5;

/// The reports of one incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Incident {
    area: String,
    kind: String,
    alerts: Told,
    events: Told,
}

/// How often its beginning and its end were reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    opened: usize,
    closed: usize,
}

impl Told {
    fn count(&mut self, what: Option<&str>) {
        match what {
            Some("incident.opened" | "open") => self.opened += 1,
            Some("incident.closed" | "closed") => self.closed += 1,
            _ => {}
        }
    }

    fn each_up_to(self, most: usize) -> bool {
        let fits = |times: usize| (1..=most).contains(&times);
        fits(self.opened) && fits(self.closed)
    }
}

impl Stand<'_> {
    /// Checks that a failed attempt has an open incident with a kind of the contract.
    ///
    /// # Errors
    /// When it has none, or the handler has not finished.
    pub async fn an_incident_is_open(&self, account: &Account, end: &End) -> Result<()> {
        let area = match end {
            End::Converged => return Ok(()),
            End::Undelivered => "delivery",
            End::Failed { .. } => "rotation",
        };
        let incidents = self.incidents(account).await?;
        let names_it = |incident: &Incident| {
            incident.area == area && incident.alerts.closed == 0 && self.events.knows(&incident.kind)
        };
        ensure!(incidents.values().any(names_it), "no incident of the {area} is open: {incidents:?}");
        Ok(())
    }

    /// The incidents that have already ended.
    ///
    /// # Errors
    /// When the handler has not finished.
    pub async fn closed_incidents(&self, account: &Account) -> Result<BTreeSet<String>> {
        let incidents = self.incidents(account).await?;
        Ok(incidents
            .into_iter()
            .filter(|(_, incident)| incident.alerts.closed > 0)
            .map(|(id, _)| id)
            .collect())
    }

    /// Checks that no incident is open at the end, and that the beginning and the end of each one except the `old` ones
    /// were reported to people and systems. Each was reported once, or more often if a call was repeated. If the handler
    /// itself was `hit`, more repeats are possible. `tests/end_to_end/alerts.rs` tests that there are no other duplicates.
    /// Returns the number of incidents.
    ///
    /// First it requests a delivery in place of the handler, which does not request one here. If the answers to a request
    /// were lost, the delivery ran, but the request is reported as failed afterwards. The next delivery closes that
    /// incident.
    ///
    /// # Errors
    /// When a condition is not met, or the handler has not finished.
    pub async fn incidents_are_over(
        &self,
        account: &Account,
        old: &BTreeSet<String>,
        hit: bool,
    ) -> Result<usize> {
        let most = if hit { SDK_ATTEMPTS * SQS_ATTEMPTS } else { SDK_ATTEMPTS };
        let mut incidents = self.incidents(account).await?;
        let is_open = |incident: &Incident| incident.kind == REQUEST_FAILED && incident.alerts.closed == 0;
        if incidents.values().any(is_open) {
            self.ask_in_the_handlers_place(account).await?;
            incidents = self.incidents(account).await?;
        }
        incidents.retain(|id, _| !old.contains(id));
        for (id, incident) in &incidents {
            let told = incident.alerts.each_up_to(most) && incident.events.each_up_to(most);
            ensure!(
                told,
                "the beginning and the end of incident {id} were not reported, or too often: {incident:?}"
            );
        }
        Ok(incidents.len())
    }

    async fn ask_in_the_handlers_place(&self, account: &Account) -> Result<()> {
        let current = self.cloud.version(&account.secret, "AWSCURRENT").await?;
        let request = json!({"secretArn": account.secret, "versionId": current, "attempt": 2});
        let invoke = self.cloud.lambda.invoke().function_name(&self.delivery);
        let invoke = invoke.invocation_type(InvocationType::Event);
        invoke.payload(Blob::new(request.to_string())).send().await.context("no delivery")?;
        Ok(())
    }

    /// Waits until the current version is delivered at the request of the handler.
    ///
    /// # Errors
    /// When it is not.
    pub async fn is_delivered_after_all(&self, account: &Account) -> Result<End> {
        let current =
            self.cloud.version(&account.secret, "AWSCURRENT").await?.context("nothing is current")?;
        self.cloud.wait_for_tag(&account.secret, RECEIPT, &current, DONE).await?;
        Ok(End::Converged)
    }

    /// Waits until the handler has no work left, and no delivery that it requested is in progress.
    ///
    /// # Errors
    /// When work is left after a minute, or the handler did not handle a message.
    pub async fn the_handler_is_done(&self) -> Result<()> {
        let queues: Vec<&str> = self.queues.iter().map(DeadLetterQueue::url).collect();
        let is_done = self.cloud.aws.becomes_quiet(&self.delivery, &queues, DONE).await?;
        ensure!(is_done, "the handler has not finished after {DONE:?}");
        ensure!(!self.unhandled.is_busy().await?, "the handler did not handle a message");
        Ok(())
    }

    async fn incidents(&self, account: &Account) -> Result<BTreeMap<String, Incident>> {
        self.the_handler_is_done().await?;
        let secret = account.secret.as_str();
        let mut incidents: BTreeMap<String, Incident> = BTreeMap::new();
        let add_alert = |alert: &Value| {
            let (metadata, context) = (&alert["metadata"], &alert["metadata"]["additionalContext"]);
            if metadata["threadId"] == secret {
                let incident = incidents.entry(text(&context["incidentId"])?).or_default();
                incident.alerts.count(metadata["eventType"].as_str());
                incident.area = text(&context["area"])?;
                incident.kind = text(&context["kind"])?;
            }
            Ok(())
        };
        self.alerts.each(add_alert).await?;
        let add_event = |detail: &Value| {
            let incident = incidents.entry(text(&detail["incidentId"])?).or_default();
            incident.events.count(detail["state"].as_str());
            Ok(())
        };
        self.events.each_incident(secret, add_event).await?;
        Ok(incidents)
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("an alert or an event without an incident, an area or a kind")
}

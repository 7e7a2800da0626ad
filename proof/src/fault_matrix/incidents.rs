//! What the handler made of it all: the incidents of a secret, as people and other systems are told of them.

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

/// A message that could not be handled comes again, and may have to wait for the end of a handler that was killed.
const DONE: Duration = Duration::from_secs(60);
/// SNS and EventBridge are asked again by the SDK when their answer is lost or late, which it is on a busy machine too.
const SDK_ATTEMPTS: usize = 3;
/// And again when SQS delivers the message again.
const SQS_ATTEMPTS: usize = 5;

/// One incident, by what was told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Incident {
    area: String,
    kind: String,
    alerts: Told,
    events: Told,
}

/// How often it was told that it began, and that it was over.
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
    /// An attempt that did not end well has an open incident with a kind of the contract.
    ///
    /// # Errors
    /// When it has none, or the handler is not done with it.
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

    /// The incidents that are over already.
    ///
    /// # Errors
    /// When the handler is not done.
    pub async fn closed_incidents(&self, account: &Account) -> Result<BTreeSet<String>> {
        let incidents = self.incidents(account).await?;
        Ok(incidents
            .into_iter()
            .filter(|(_, incident)| incident.alerts.closed > 0)
            .map(|(id, _)| id)
            .collect())
    }

    /// In the end no incident is open, and people and systems were told of each but the `old` ones that it began and that it
    /// was over: once but for calls that were asked again, of which there are more where the handler itself was `hit`. How
    /// many there were. That nobody is told twice otherwise is for `tests/end_to_end/alerts.rs`.
    ///
    /// Before, it asks for a delivery where the handler would, which is kept from it here: a request whose answers were lost
    /// has been followed, but is told as failed after the delivery, and the next delivery closes that.
    ///
    /// # Errors
    /// When it is not so, or the handler is not done.
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
                "incident {id} was not told when it began and when it was over, or too often: {incident:?}"
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

    /// Waits until what is current was delivered because the handler asked for it.
    ///
    /// # Errors
    /// When it is not.
    pub async fn is_delivered_after_all(&self, account: &Account) -> Result<End> {
        let current =
            self.cloud.version(&account.secret, "AWSCURRENT").await?.context("nothing is current")?;
        self.cloud.wait_for_tag(&account.secret, RECEIPT, &current, DONE).await?;
        Ok(End::Converged)
    }

    /// Waits until the handler has nothing left to do, and no delivery that it asked for is under way.
    ///
    /// # Errors
    /// When there is something after a minute, or it gave a message up.
    pub async fn the_handler_is_done(&self) -> Result<()> {
        let queues: Vec<&str> = self.queues.iter().map(DeadLetterQueue::url).collect();
        let is_done = self.cloud.aws.becomes_quiet(&self.delivery, &queues, DONE).await?;
        ensure!(is_done, "the handler is not done after {DONE:?}");
        ensure!(!self.unhandled.is_busy().await?, "the handler gave a message up");
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

//! Changing an incident and telling of it: read, decide, write on the condition that nobody else did, tell, and
//! write down that it was told.

use std::time::Duration;

use contract::Area;
use jiff::Timestamp;
use lambda_boundary::{Unit, metric};

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Announcement, Effect, Record, Sender};
use crate::incident_table::TableError;
use crate::message::Failure;
use crate::wording::{self, Told};

/// Writers of one item at the same time are as many as invocations at the same time.
const ATTEMPTS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(15);

impl DlqHandler {
    /// Whether this failure was taken in before.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn has_seen(&self, failure: &Failure) -> Result<bool, HandlerError> {
        let record =
            self.table.read(&failure.subject, failure.area).await.map_err(table(&failure.subject))?;
        Ok(record.has_seen(&failure.id))
    }

    /// Applies `decide` to what is known of a subject, and tells what that gives to tell; also what somebody else
    /// began to tell and did not. `sender` is this invocation.
    ///
    /// # Errors
    /// When the state cannot be kept, or somebody could not be told. It is safe to repeat.
    pub async fn change(
        &self,
        subject: &str,
        area: Area,
        sender: &Sender,
        decide: impl Fn(&mut Record, Timestamp) -> Effect,
    ) -> Result<Effect, HandlerError> {
        for attempt in 1..=ATTEMPTS {
            let now = (self.now)();
            let mut record = self.table.read(subject, area).await.map_err(table(subject))?;
            let effect = decide(&mut record, now);
            let mine = record.take_over(now, sender);
            if effect == Effect::Nothing && mine.is_empty() {
                return Ok(effect);
            }
            if self.table.write(&mut record, now).await.map_err(table(subject))? {
                count(&record, effect, now);
                for announcement in mine {
                    self.tell(subject, area, announcement).await?;
                }
                return Ok(effect);
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        Err(HandlerError::Contended { subject: subject.to_owned(), attempts: ATTEMPTS })
    }

    /// Looks at every incident that is open or has something left to tell.
    ///
    /// # Errors
    /// The last failure; the others were tried all the same.
    pub async fn sweep(&self, sender: &Sender) -> Result<(), HandlerError> {
        let records = self.table.unfinished().await.map_err(table("all secrets"))?;
        let open = records.iter().filter(|record| record.open_incident().is_some()).count();
        let now = (self.now)().as_millisecond();
        metric(now, "OpenIncidents", Unit::Count, u64::try_from(open).unwrap_or(u64::MAX), &[], &[]);
        let mut outcome = Ok(());
        for record in records {
            if let Err(error) = self.change(&record.subject, record.area, sender, Record::sweep).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Tells people and systems, and writes down how far that came.
    async fn tell(
        &self,
        subject: &str,
        area: Area,
        mut announcement: Announcement,
    ) -> Result<(), HandlerError> {
        let alerted = self.alert(subject, area, &announcement).await;
        announcement.alert_due &= alerted.is_err();
        let sent = self.send_event(subject, area, &announcement).await;
        announcement.event_due &= sent.is_err();
        self.write_down(subject, area, &announcement).await?;
        alerted.and(sent)
    }

    async fn alert(
        &self,
        subject: &str,
        area: Area,
        announcement: &Announcement,
    ) -> Result<(), HandlerError> {
        if !announcement.alert_due {
            return Ok(());
        }
        let is_secret = subject.starts_with("arn:") && subject.contains(":secretsmanager:");
        let facts = match is_secret {
            true => self.secrets.describe(subject).await,
            false => Ok(Default::default()),
        };
        if let Err(error) = &facts {
            // The alert says less then, and is not late.
            tracing::warn!(secret.arn = subject, "the secret could not be described: {error}");
        }
        let facts = facts.ok().filter(|_| is_secret);
        let told = Told { announcement, subject, area, facts: facts.as_ref() };
        let alert = wording::alert(told, &self.config.places);
        self.alerts
            .publish_alert(&alert)
            .await
            .map_err(|source| HandlerError::Alert { subject: subject.to_owned(), source })?;
        tracing::info!(subject, kind = announcement.incident.kind.as_str(), "alert: {}", alert.title());
        Ok(())
    }

    async fn send_event(
        &self,
        subject: &str,
        area: Area,
        announcement: &Announcement,
    ) -> Result<(), HandlerError> {
        if !announcement.event_due {
            return Ok(());
        }
        let event = wording::event(Told { announcement, subject, area, facts: None });
        self.bus.put(&event).await.map_err(|source| HandlerError::Bus { subject: subject.to_owned(), source })
    }

    async fn write_down(
        &self,
        subject: &str,
        area: Area,
        announcement: &Announcement,
    ) -> Result<(), HandlerError> {
        for attempt in 1..=ATTEMPTS {
            let now = (self.now)();
            let mut record = self.table.read(subject, area).await.map_err(table(subject))?;
            record.sent(announcement, now);
            if self.table.write(&mut record, now).await.map_err(table(subject))? {
                return Ok(());
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        Err(HandlerError::Contended { subject: subject.to_owned(), attempts: ATTEMPTS })
    }
}

fn table(subject: &str) -> impl Fn(TableError) -> HandlerError {
    move |source| HandlerError::Table { subject: subject.to_owned(), source }
}

/// Metrics: by kind, and never by secret.
fn count(record: &Record, effect: Effect, now: Timestamp) {
    let Some(incident) = &record.incident else { return };
    let names: &[&str] = match effect {
        Effect::Opened => &["IncidentsOpened", "FailuresReported"],
        Effect::Repeated | Effect::Changed => &["FailuresReported"],
        Effect::Closed => &["IncidentsClosed"],
        Effect::Noted | Effect::StaysOpen | Effect::Nothing => &[],
    };
    for name in names {
        let (dimensions, properties) =
            ([("Kind", incident.kind.as_str())], [("subject", record.subject.as_str())]);
        metric(now.as_millisecond(), name, Unit::Count, 1, &dimensions, &properties);
    }
}

//! Changing an incident: read, decide, write on the condition that nobody else did, and then tell.

use std::time::Duration;

use contract::Area;
use jiff::Timestamp;
use lambda_boundary::{Unit, metric};

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Effect, Record, Sender};
use crate::incident_table::TableError;
use crate::message::Failure;

/// Writers of one item at the same time are as many as invocations at the same time.
pub(crate) const ATTEMPTS: u32 = 12;
pub(crate) const PAUSE: Duration = Duration::from_millis(15);

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

    /// Takes a failure in. What is over by now is not told, and does not vanish either.
    ///
    /// # Errors
    /// As [`DlqHandler::change`].
    pub async fn fail(&self, failure: &Failure, sender: &Sender) -> Result<(), HandlerError> {
        let change = |record: &mut Record, now| record.fail(failure, now);
        if self.change(&failure.subject, failure.area, sender, change).await? == Effect::Over {
            let (subject, kind) = (failure.subject.as_str(), failure.kind.as_str());
            tracing::warn!(subject, kind, occurred_at = %failure.occurred_at, "a failure was over before it arrived");
            let dimensions = [("Kind", kind)];
            let now = (self.now)().as_millisecond();
            metric(now, "FailuresDropped", Unit::Count, 1, &dimensions, &[("subject", subject)]);
        }
        Ok(())
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
            if record.heal(now) {
                tracing::warn!(subject, area = area.as_str(), "the item holds a time that has not come");
            }
            let effect = decide(&mut record, now);
            let mine = record.take_over(now, sender);
            if matches!(effect, Effect::Nothing | Effect::Over) && mine.is_empty() {
                return Ok(effect);
            }
            if self.table.write(&mut record, now).await.map_err(table(subject))? {
                count(&record, effect, now);
                for announcement in mine {
                    self.tell(subject, area, announcement, sender).await?;
                }
                return Ok(effect);
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        Err(HandlerError::Contended { subject: subject.to_owned(), attempts: ATTEMPTS })
    }
}

pub(crate) fn table(subject: &str) -> impl Fn(TableError) -> HandlerError {
    move |source| HandlerError::Table { subject: subject.to_owned(), source }
}

/// Metrics: by kind, and never by secret.
fn count(record: &Record, effect: Effect, now: Timestamp) {
    let Some(incident) = &record.incident else { return };
    let names: &[&str] = match effect {
        Effect::Opened => &["IncidentsOpened", "FailuresReported"],
        Effect::Repeated | Effect::Changed => &["FailuresReported"],
        Effect::Closed => &["IncidentsClosed"],
        Effect::Late => &["IncidentsOpened", "FailuresReported", "IncidentsClosed"],
        Effect::Noted | Effect::StaysOpen | Effect::Over | Effect::Nothing => &[],
    };
    for name in names {
        let (dimensions, properties) =
            ([("Kind", incident.kind.as_str())], [("subject", record.subject.as_str())]);
        metric(now.as_millisecond(), name, Unit::Count, 1, &dimensions, &properties);
    }
}

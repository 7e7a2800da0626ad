//! Changes an incident: read, decide, write if nobody else has written meanwhile, and then notify.

use std::time::Duration;

use contract::Area;
use jiff::Timestamp;
use lambda_boundary::{Backoff, Unit, metric};

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Decided, Effect, Record, Sender};
use crate::incident_table::TableError;
use crate::message::Failure;

/// One item has at most as many writers at the same time as there are invocations at the same time.
const WRITE_AGAIN: Backoff =
    Backoff { first: Duration::from_millis(15), longest: Duration::from_millis(180), repetitions: 11 };

impl DlqHandler {
    /// Whether this failure was recorded before.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn has_seen(&self, failure: &Failure) -> Result<bool, HandlerError> {
        let record =
            self.table.read(&failure.subject, failure.area).await.map_err(table(&failure.subject))?;
        Ok(record.has_seen(&failure.id))
    }

    /// Records a failure. A failure that had ended before it arrived causes no alert, but a log line and a metric.
    ///
    /// # Errors
    /// As [`DlqHandler::change`].
    pub async fn fail(&self, failure: &Failure, sender: &Sender) -> Result<(), HandlerError> {
        let change = |record: &mut Record, now| record.fail(failure, now);
        if self.change(&failure.subject, failure.area, sender, change).await? == Effect::Over {
            let (subject, kind) = (failure.subject.as_str(), failure.kind.as_str());
            tracing::warn!(subject, kind, occurred_at = %failure.occurred_at, "the failure had ended before it arrived");
            let dimensions = [("Kind", kind)];
            let now = (self.now)().as_millisecond();
            metric(now, "FailuresDropped", Unit::Count, 1, &dimensions, &[("subject", subject)]);
        }
        Ok(())
    }

    /// Applies `decide` to the record of a subject, and sends the announcements that result. It also sends those that another
    /// invocation began to send and did not finish. `sender` is this invocation.
    ///
    /// # Errors
    /// When the state cannot be read or written, or an announcement could not be sent. It is safe to repeat.
    pub async fn change(
        &self,
        subject: &str,
        area: Area,
        sender: &Sender,
        decide: impl Fn(&mut Record, Timestamp) -> Effect,
    ) -> Result<Effect, HandlerError> {
        let edit = |record: &mut Record, now| {
            if record.heal(now) {
                tracing::warn!(
                    subject,
                    area = area.as_str(),
                    "the item held a time in the future, which was removed"
                );
            }
            let Decided { effect, mine, is_changed } = record.decide(now, sender, &decide);
            ((effect, mine), is_changed)
        };
        let Edited { record, at, outcome: (effect, mine) } = self.edit(subject, area, edit).await?;
        count(&record, effect, at);
        for announcement in mine {
            self.tell(subject, area, announcement, sender).await?;
        }
        Ok(effect)
    }

    /// Reads the record of a subject, applies `edit`, and writes the record if `edit` returns that it has changed it.
    /// If somebody else writes the record in between, all of this is repeated.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub(crate) async fn edit<T>(
        &self,
        subject: &str,
        area: Area,
        edit: impl Fn(&mut Record, Timestamp) -> (T, bool),
    ) -> Result<Edited<T>, HandlerError> {
        let attempt = async || {
            let at = (self.now)();
            let mut record = self.table.read(subject, area).await?;
            let (outcome, is_changed) = edit(&mut record, at);
            let is_done = !is_changed || self.table.write(&mut record, at).await?;
            Ok(is_done.then_some(Edited { record, at, outcome }))
        };
        let edited = WRITE_AGAIN.run(attempt, |edited| matches!(edited, Ok(None))).await;
        edited.map_err(table(subject))?.ok_or_else(|| HandlerError::Contended {
            subject: subject.to_owned(),
            attempts: WRITE_AGAIN.repetitions + 1,
        })
    }
}

/// A record after an edit.
pub(crate) struct Edited<T> {
    record: Record,
    /// When it was edited.
    at: Timestamp,
    outcome: T,
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
        Effect::Noted | Effect::Explained | Effect::StaysOpen | Effect::Over | Effect::Nothing => &[],
    };
    for name in names {
        let (dimensions, properties) =
            ([("Kind", incident.kind.as_str())], [("subject", record.subject.as_str())]);
        metric(now.as_millisecond(), name, Unit::Count, 1, &dimensions, &properties);
    }
}

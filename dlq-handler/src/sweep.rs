//! The hourly check of incidents that are open or have announcements left to send.
//!
//! A sweep uses the time that its invocation has, and the next sweep continues where it ended. So every incident is
//! checked, regardless of how many there are.

use std::time::Duration;

use contract::Kind;
use jiff::Timestamp;
use lambda_boundary::{Unit, metric};

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Effect, Record, Sender};
use crate::incident_table::{Found, Round};
use crate::incidents::table;
use crate::message::{Detail, Failure};

/// Time that is kept back to store how far the sweep came, and to answer.
const RESERVE: Duration = Duration::from_secs(5);

impl DlqHandler {
    /// Looks for stuck rotations, then checks the incidents.
    ///
    /// # Errors
    /// The last failure. The others were tried nevertheless.
    pub async fn sweep(&self, sender: &Sender) -> Result<(), HandlerError> {
        let now = (self.now)().as_millisecond();
        metric(now, "Looks", Unit::Count, 1, &[("Function", self.config.function.as_str())], &[]);
        // Half of the time: a long list of secrets must not prevent the check of incidents.
        let left = time_left((self.now)(), sender) / 2;
        let stuck = tokio::time::timeout(left, self.look_for_stuck(sender)).await.unwrap_or_else(|_| {
            tracing::warn!(
                "there was no time to check all secrets; the next check starts at the other end of the list"
            );
            Ok(())
        });
        self.look_at_incidents(sender).await.and(stuck)
    }

    /// Checks the incidents after the last one that a sweep has checked, until the table or the time ends.
    ///
    /// # Errors
    /// As [`DlqHandler::sweep`].
    async fn look_at_incidents(&self, sender: &Sender) -> Result<(), HandlerError> {
        let all = || table("all secrets");
        let mut round = self.table.round().await.map_err(all())?;
        let mut outcome = Ok(());
        loop {
            let page = self.table.page(round.after.as_ref()).await.map_err(all())?;
            for found in &page.found {
                let left = time_left((self.now)(), sender);
                let looked = tokio::time::timeout(left, self.look(found, sender)).await;
                outcome = looked.unwrap_or(Err(HandlerError::TimedOut)).and(outcome);
                round.open += u64::from(is_open(found));
                round.after = Some(found.place.clone());
                if time_left((self.now)(), sender).is_zero() {
                    tracing::warn!(
                        after = found.place.subject,
                        "the time of this sweep is over; the next one continues after this item"
                    );
                    self.table.remember(&round).await.map_err(all())?;
                    return outcome;
                }
            }
            round.after = page.next;
            if round.after.is_none() {
                let now = (self.now)().as_millisecond();
                metric(now, "OpenIncidents", Unit::Count, round.open, &[], &[]);
                round = Round::default();
            }
            self.table.remember(&round).await.map_err(all())?;
            if round.after.is_none() || time_left((self.now)(), sender).is_zero() {
                return outcome;
            }
        }
    }

    async fn look(&self, found: &Found, sender: &Sender) -> Result<(), HandlerError> {
        let Some(area) = found.area() else {
            tracing::error!(
                subject = found.place.subject,
                area = found.place.area,
                "the table holds an item of an unknown area"
            );
            return Ok(());
        };
        let subject = found.place.subject.as_str();
        let Some(record) = &found.record else {
            return self.fail(&unreadable(found, area, (self.now)()), sender).await;
        };
        if self.is_stuck_no_more(record).await? {
            return self.change(subject, area, sender, Record::end_stuck).await.map(|_: Effect| ());
        }
        if let Some(success) = self.found_nothing(record).await? {
            let end = |record: &mut Record, now| record.succeed(&success, now);
            if self.change(subject, area, sender, end).await? == Effect::Closed {
                return Ok(());
            }
        }
        let is_gone =
            record.asks_for_its_subject((self.now)()) && self.standing(subject, area).await.has_left(area);
        let look = |record: &mut Record, now| record.look(is_gone, now);
        self.change(subject, area, sender, look).await.map(|_: Effect| ())
    }
}

/// The failure to report in the place of the item's contents.
fn unreadable(found: &Found, area: contract::Area, now: Timestamp) -> Failure {
    let subject = found.place.subject.clone();
    let message = format!(
        "The incident of {subject} in the area {} could not be read. Its contents are lost, and it starts again",
        found.place.area
    );
    Failure {
        id: format!("unreadable {now}"),
        area,
        subject,
        kind: Kind::IncidentUnreadable,
        occurred_at: now,
        detail: Detail { message, ..Detail::default() },
        delivery: None,
        waited: false,
    }
}

/// An item that cannot be read was open, or had announcements left to send.
fn is_open(found: &Found) -> bool {
    found.record.as_ref().is_none_or(|record| record.open_incident().is_some())
}

fn time_left(now: Timestamp, sender: &Sender) -> Duration {
    let left = Duration::try_from(sender.until.duration_since(now)).unwrap_or_default();
    left.saturating_sub(RESERVE)
}

//! Notifies people and systems of an incident, and records that they were notified.

use contract::{Area, secret_name};
use lambda_boundary::{Unit, metric};

use crate::DlqHandler;
use crate::budget::{self, Verdict};
use crate::error::HandlerError;
use crate::incident::{Announcement, Sender};
use crate::incidents::table;
use crate::secret_store::Standing;
use crate::wording::{self, Told};

impl DlqHandler {
    /// Notifies people and systems, and records how far that came.
    pub(crate) async fn tell(
        &self,
        subject: &str,
        area: Area,
        mut announcement: Announcement,
        sender: &Sender,
    ) -> Result<(), HandlerError> {
        let alerted = self.alert(subject, area, &announcement, sender).await;
        announcement.alert_due &= !matches!(alerted, Ok(Verdict::Send | Verdict::Withhold));
        let sent = self.send_event(subject, area, &announcement).await;
        announcement.event_due &= sent.is_err();
        self.write_down(subject, area, &announcement).await?;
        alerted.and(sent).map(drop)
    }

    async fn alert(
        &self,
        subject: &str,
        area: Area,
        announcement: &Announcement,
        sender: &Sender,
    ) -> Result<Verdict, HandlerError> {
        if !announcement.alert_due {
            return Ok(Verdict::Send);
        }
        let standing = self.standing(subject, area).await;
        let kind = announcement.incident.kind;
        let verdict = self.verdict(&standing, area, announcement, sender).await?;
        if verdict != Verdict::Send {
            tracing::warn!(
                subject,
                kind = kind.as_str(),
                ?verdict,
                "the alert exceeds the budget of this hour"
            );
            // An alert that waits is tried again, and would be counted each time.
            if verdict == Verdict::Withhold {
                let dimensions = [("Kind", kind.as_str())];
                let now = (self.now)().as_millisecond();
                metric(now, "AlertsWithheld", Unit::Count, 1, &dimensions, &[("subject", subject)]);
            }
            return Ok(verdict);
        }
        let told = Told { announcement, subject, area, facts: standing.facts() };
        let alert = wording::alert(told, &self.config.places);
        self.alerts
            .publish_alert(&alert)
            .await
            .map_err(|source| HandlerError::Alert { subject: subject.to_owned(), source })?;
        tracing::info!(subject, kind = kind.as_str(), "alert: {}", alert.title());
        Ok(verdict)
    }

    /// What is known of the subject: from Secrets Manager if it is a secret, otherwise from the names of the stack.
    pub(crate) async fn standing(&self, subject: &str, area: Area) -> Standing {
        // The subject of an incident about access may be a key.
        if !area.is_about_secrets() || area == Area::Access && secret_name(subject).is_none() {
            return Standing::by_name(subject, area, &self.config.own_names);
        }
        let standing = self.secrets.standing(subject).await;
        if let Standing::Gone(error) | Standing::Unclear(error) = &standing {
            // The alert has fewer facts then, but is not late.
            tracing::warn!(secret.arn = subject, "the secret could not be described: {error}");
        }
        standing
    }

    /// Counts the alert if it has to be counted, and reports the digest if there are too many.
    async fn verdict(
        &self,
        standing: &Standing,
        area: Area,
        announcement: &Announcement,
        sender: &Sender,
    ) -> Result<Verdict, HandlerError> {
        let kind = announcement.incident.kind;
        if budget::is_free(kind, area, standing) {
            return Ok(Verdict::Send);
        }
        let now = (self.now)();
        let spent = self
            .table
            .count_alert(budget::purse(kind, area, standing), now)
            .await
            .map_err(table("the alerts of this hour"))?;
        let verdict = budget::verdict(standing, spent, self.config.alerts_per_hour);
        if verdict == Verdict::Withhold {
            // The digest does not count, so the recursion ends here.
            Box::pin(self.fail(&budget::digest(area, self.config.alerts_per_hour, now), sender)).await?;
        }
        Ok(verdict)
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
        self.edit(subject, area, |record, now| (record.sent(announcement, now), true)).await.map(drop)
    }
}

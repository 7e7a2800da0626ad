//! Stuck rotations that nothing has reported: CloudTrail delivers events on a best-effort basis, and a function that
//! crashed reports nothing itself.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html>

use contract::{Area, Kind, secret_name};
use jiff::{SignedDuration, Timestamp};

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Effect, Record, Sender};
use crate::message::{Detail, Failure};
use crate::secret_store::{Order, Pending};

/// Ten times the number of secrets that the suite is made for, at a hundred secrets a page.
const PAGES_LIMIT: usize = 1_000;
/// Four steps of 15 minutes, the longest that Lambda allows.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(1);

impl DlqHandler {
    /// Opens an incident for each secret whose rotation is stuck, unless an incident of its rotation is open already. If the
    /// list is too long for one check, the next check reads it from the other end.
    ///
    /// # Errors
    /// The last failure. The other secrets were checked nevertheless.
    pub async fn look_for_stuck(&self, sender: &Sender) -> Result<(), HandlerError> {
        let failed = |source| HandlerError::Pending { source };
        let hour = (self.now)().as_second() / 3_600;
        let order = if hour % 2 == 0 { Order::OldestFirst } else { Order::NewestFirst };
        let mut outcome = Ok(());
        let mut next = None;
        for _ in 0..PAGES_LIMIT {
            let page = self.secrets.pending(&self.config.rotation_tag, order, next).await.map_err(failed)?;
            for pending in page.pending.into_iter().filter(|pending| self.is_own(&pending.arn)) {
                let told = match self.secrets.date(pending).await {
                    Ok(pending) => self.report(&pending, sender).await,
                    Err(error) => Err(failed(error)),
                };
                outcome = told.and(outcome);
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        outcome
    }

    /// Whether the secret belongs to this stack, by its ARN or its name. Another stack of the region may use the same tag.
    pub(crate) fn is_own(&self, reference: &str) -> bool {
        let prefixes = &self.config.secret_name_prefixes;
        let name = secret_name(reference).unwrap_or(reference);
        prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// Whether the rotation of the incident has ended without a success: somebody removed AWSPENDING, or promoted the version.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub(crate) async fn is_stuck_no_more(&self, record: &Record) -> Result<bool, HandlerError> {
        let stuck = record.open_incident().filter(|incident| incident.kind == Kind::RotationStuck);
        let Some(version) = stuck.and_then(|incident| incident.detail.version.as_deref()) else {
            return Ok(false);
        };
        let asked = self.secrets.is_pending(&record.subject, version).await;
        asked.map(|is_pending| !is_pending).map_err(|source| HandlerError::Pending { source })
    }

    async fn report(&self, pending: &Pending, sender: &Sender) -> Result<(), HandlerError> {
        let Some(failure) = failure(pending, (self.now)()) else { return Ok(()) };
        let change = |record: &mut Record, now| match record.open_incident() {
            Some(_) => Effect::Nothing,
            None => record.fail(&failure, now),
        };
        self.change(&failure.subject, failure.area, sender, change).await.map(|_: Effect| ())
    }
}

/// The failure to report. None while the rotation may still be in progress.
fn failure(pending: &Pending, now: Timestamp) -> Option<Failure> {
    let since = pending.since.filter(|since| now.duration_since(*since) >= UNDER_WAY)?;
    Some(Failure {
        // The same at each check, so that one rotation is reported once.
        id: format!("pending {}", pending.version),
        area: Area::Rotation,
        subject: pending.arn.clone(),
        kind: Kind::RotationStuck,
        occurred_at: since,
        detail: Detail {
            message: format!(
                "Version {} has been AWSPENDING since {since} and has not become AWSCURRENT. No failure was reported: a \
                function may have crashed or be misconfigured, or CloudTrail's event about the failure was lost",
                pending.version
            ),
            version: Some(pending.version.clone()),
            ..Detail::default()
        },
        delivery: None,
        waited: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_pending_for_an_hour_is_reported_and_one_of_unknown_age_is_not() {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        let pending = |since| Pending { arn: "arn".to_owned(), version: "v2".to_owned(), since };
        for (since, expected) in [(Some(at(10_000)), None), (Some(at(6_400)), Some(at(6_400))), (None, None)]
        {
            let found = failure(&pending(since), at(10_000));
            assert_eq!(found.map(|failure| failure.occurred_at), expected, "{since:?}");
        }
    }
}

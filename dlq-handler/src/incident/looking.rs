//! What the hourly check does to an incident about which no message has come.

use contract::{Area, Kind};
use jiff::{SignedDuration, Timestamp};

use super::{A_DAY, Effect, Record, What};

/// An incident about access ends by itself after this time, if nobody closes it. Most people are back from a weekend.
const A_WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

impl Record {
    /// Whether [`Record::look`] needs to know whether the subject exists. Otherwise no call is made.
    #[must_use]
    pub fn asks_for_its_subject(&self, now: Timestamp) -> bool {
        self.area.is_closed_by_success()
            && self.open_incident().is_some_and(|incident| now.duration_since(incident.opened_at) >= A_DAY)
    }

    /// Ends the incident of a rotation that is no longer stuck.
    pub fn end_stuck(&mut self, now: Timestamp) -> Effect {
        let is_stuck = self.open_incident().is_some_and(|incident| incident.kind == Kind::RotationStuck);
        if is_stuck && self.end(Some(now), now) { Effect::Closed } else { Effect::Nothing }
    }

    /// Checks an incident. `is_gone` means that no success will ever close it: there is no such secret, or none that this
    /// suite may rotate, or no such alarm in the stack, or a delivery's secret is scheduled for deletion.
    pub fn look(&mut self, is_gone: bool, now: Timestamp) -> Effect {
        let area: Area = self.area;
        let Some(incident) = self.incident.as_mut().filter(|incident| incident.is_open()) else {
            return Effect::Nothing;
        };
        let limit = if area == Area::Access { A_WEEK } else { A_DAY };
        let quiet = now.duration_since(incident.last_failure_at) >= limit;
        if quiet && (is_gone || !area.is_closed_by_success()) {
            // Not at the present time: a failure since then, whose message is still on its way, has not ended.
            incident.closed_at = Some(incident.last_failure_at);
            self.announce(What::Quiet, now);
            return Effect::Closed;
        }
        let old = now.duration_since(incident.opened_at) >= A_DAY;
        if old && !is_gone && area.is_closed_by_success() && !incident.reminded {
            incident.reminded = true;
            self.announce(What::StaysOpen, now);
            return Effect::StaysOpen;
        }
        Effect::Nothing
    }
}

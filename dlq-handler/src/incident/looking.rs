//! What the hourly look does to an incident that nobody says anything about.

use contract::{Area, Kind};
use jiff::Timestamp;

use super::{A_DAY, Effect, Record, What};

impl Record {
    /// Whether [`Record::look`] needs to know whether the subject exists: nobody is asked for nothing.
    #[must_use]
    pub fn asks_for_its_subject(&self, now: Timestamp) -> bool {
        self.area.is_closed_by_success()
            && self.open_incident().is_some_and(|incident| now.duration_since(incident.opened_at) >= A_DAY)
    }

    /// Ends the incident of a rotation that stood still and does so no more.
    pub fn end_stuck(&mut self, now: Timestamp) -> Effect {
        let is_stuck = self.open_incident().is_some_and(|incident| incident.kind == Kind::RotationStuck);
        if is_stuck && self.end(Some(now), now) { Effect::Closed } else { Effect::Nothing }
    }

    /// Looks at an incident. `is_gone`: there is no such secret, or none that a rotation of this suite could reach, or no
    /// such alarm in the stack, so that no success will ever close it.
    pub fn look(&mut self, is_gone: bool, now: Timestamp) -> Effect {
        let area: Area = self.area;
        let Some(incident) = self.incident.as_mut().filter(|incident| incident.is_open()) else {
            return Effect::Nothing;
        };
        let quiet = now.duration_since(incident.last_failure_at) >= A_DAY;
        if quiet && (is_gone || !area.is_closed_by_success()) {
            // Not now: what failed since, and is still on its way, is not over.
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

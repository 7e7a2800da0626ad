//! Removes times in the future. The handler no longer accepts them from messages, but an item in the table may still hold
//! one from before. Such a time would hide every failure until then.

use jiff::{SignedDuration, Timestamp};

use super::{A_DAY, Record};

/// Clocks differ by less than this.
const LEAD: SignedDuration = SignedDuration::from_mins(5);
/// No invocation of Lambda is longer than this.
const LONGEST_INVOCATION: SignedDuration = SignedDuration::from_mins(15);

impl Record {
    /// Removes such times, and returns whether there were any. If it is unknown when something happened, a failure is reported
    /// and not hidden, and the next success closes its incident.
    pub fn heal(&mut self, now: Timestamp) -> bool {
        let has_come = |at: Timestamp| at.duration_since(now) <= LEAD;
        let before = self.clone();
        self.succeeded_at = self.succeeded_at.filter(|at| has_come(*at));
        // An incident that ended at a time in the future has ended, and must hide nothing.
        self.incident.take_if(|incident| incident.closed_at.is_some_and(|end| !has_come(end)));
        if let Some(incident) = &mut self.incident {
            if !has_come(incident.opened_at) {
                incident.opened_at = now.saturating_sub(A_DAY).unwrap_or(now);
            }
            if !has_come(incident.last_failure_at) {
                incident.last_failure_at = incident.opened_at;
            }
        }
        for announcement in &mut self.unsent {
            if announcement.free_at.duration_since(now) > LONGEST_INVOCATION {
                announcement.free_at = now;
            }
        }
        *self != before
    }
}

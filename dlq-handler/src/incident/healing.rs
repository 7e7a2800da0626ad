//! Times that have not come. No message brings one any more, but an item of the table may hold one that a message
//! brought before: it would hide every failure until then.

use jiff::{SignedDuration, Timestamp};

use super::{A_DAY, Record};

/// Clocks differ by less.
const LEAD: SignedDuration = SignedDuration::from_mins(5);
/// No invocation of Lambda is longer.
const LONGEST_INVOCATION: SignedDuration = SignedDuration::from_mins(15);

impl Record {
    /// Takes such times out; whether there were any. Where it is unknown when something happened, a failure is told
    /// rather than hidden, and the next success closes it.
    pub fn heal(&mut self, now: Timestamp) -> bool {
        let has_come = |at: Timestamp| at.duration_since(now) <= LEAD;
        let before = self.clone();
        self.succeeded_at = self.succeeded_at.filter(|at| has_come(*at));
        // What is over at a time that has not come is over, and hides nothing.
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

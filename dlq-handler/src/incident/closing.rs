//! What a person does to an incident: closes it, with a reason.

use jiff::Timestamp;

use super::{Effect, Incident, Record};
use crate::message::Closing;
use crate::triage::LEAD;

impl Record {
    /// Closes the open incident. Nothing happens if there is none, or another one than the person looked at.
    pub fn close(&mut self, closing: &Closing, now: Timestamp) -> Effect {
        let is_meant = self.open_incident().is_some_and(|incident| is_meant(closing, incident));
        if !is_meant || self.has_seen(&closing.id) {
            return Effect::Nothing;
        }
        self.remember(&closing.id);
        if let Some(incident) = &mut self.incident {
            incident.closed_by = Some(closing.closed.clone());
        }
        self.end(Some(now), now);
        Effect::Closed
    }
}

/// A request may wait in a queue for days, or return from `UnhandledQueue`. Without an id, it means what was open when it was sent.
fn is_meant(closing: &Closing, incident: &Incident) -> bool {
    match &closing.incident_id {
        Some(id) => *id == incident.id,
        None => incident.opened_at.duration_since(closing.sent_at) <= LEAD,
    }
}

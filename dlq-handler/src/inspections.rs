//! What rotation-watch has found before a rotation failed of it.

use contract::{Area, Kind};
use jiff::Timestamp;

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::Record;
use crate::incidents::table;
use crate::message::{Failure, Success};

/// The areas whose incidents may be about the same thing as an inspection's.
const OTHERS: [Area; 3] = [Area::Rotation, Area::Delivery, Area::Connections];

impl DlqHandler {
    /// Whether an inspection found what an open incident of another area reports already.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn is_reported_already(&self, failure: &Failure) -> Result<bool, HandlerError> {
        if failure.area != Area::Inspection {
            return Ok(false);
        }
        for area in OTHERS {
            let record = self.table.read(&failure.subject, area).await.map_err(table(&failure.subject))?;
            if record.open_incident().is_some_and(|open| is_the_same(failure.kind, open.kind)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The success that ends the incident of an inspection: a later inspection found nothing. None for other incidents, and
    /// while the last inspection found something.
    ///
    /// # Errors
    /// When the table does not answer.
    pub(crate) async fn found_nothing(&self, record: &Record) -> Result<Option<Success>, HandlerError> {
        if record.area != Area::Inspection || record.open_incident().is_none() {
            return Ok(None);
        }
        let subject = record.subject.as_str();
        let last = self.table.last_inspection(subject).await.map_err(table(subject))?;
        let at = last.filter(|last| last.findings.is_empty() && last.failing_since.is_none());
        let at: Option<Timestamp> = at.and_then(|last| last.inspected_at?.parse().ok());
        Ok(at.map(|at| Success {
            id: format!("inspected {at}"),
            area: Area::Inspection,
            subject: subject.to_owned(),
            at,
            of_test: false,
        }))
    }
}

/// Whether an inspection's finding is the reason of an incident of another area. A version that was held back is AWSCURRENT, so
/// an inspection finds that AWSCURRENT does not log in.
fn is_the_same(found: Kind, open: Kind) -> bool {
    let is_held = open == Kind::DeliveryHeldBack;
    found == open || is_held && matches!(found, Kind::CurrentLoginRefused | Kind::DeliveryUndelivered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_the_same_as_an_incident_of_its_kind_and_as_a_version_that_was_held_back() {
        for (found, open, expected) in [
            (Kind::CurrentLoginRefused, Kind::CurrentLoginRefused, true),
            (Kind::CurrentLoginRefused, Kind::DeliveryHeldBack, true),
            (Kind::DeliveryUndelivered, Kind::DeliveryHeldBack, true),
            (Kind::GrantsDiffer, Kind::DeliveryHeldBack, false),
            (Kind::GrantsDiffer, Kind::CurrentLoginRefused, false),
            (Kind::CurrentLoginRefused, Kind::DeliveryUnchecked, false),
        ] {
            assert_eq!(is_the_same(found, open), expected, "{found} {open}");
        }
    }
}

//! What failed for single objects. The run goes on, and fails at its end.

use std::sync::Mutex;

use lambda_boundary::causes;

use crate::error::DeliveryError;
use crate::lanes::locked;
use crate::outcome::Outcome;

/// The failures of one run. Only the first is kept.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    first: Option<DeliveryError>,
    count: usize,
}

impl Failures {
    /// Logs a failure and counts it.
    pub(super) fn note(&self, error: DeliveryError) {
        tracing::warn!(kind = error.kind().as_str(), causes = causes(&error).join(": "), "{error}");
        let mut noted = locked(&self.0);
        noted.count += 1;
        noted.first.get_or_insert(error);
    }

    /// The outcome, if nothing failed.
    pub(super) fn end(&self, outcome: Outcome) -> Result<Outcome, DeliveryError> {
        let Noted { first, count } = std::mem::take(&mut *locked(&self.0));
        match first {
            None => Ok(outcome),
            Some(first) => Err(DeliveryError::Reconcile { failures: count, source: Box::new(first) }),
        }
    }
}

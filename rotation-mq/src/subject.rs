//! What the function is working on, as far as it is known: for the log and for the notice.

use std::sync::OnceLock;

use crate::error::RotationError;

/// Filled in while a step finds things out; read when it fails, also when it runs out of time.
#[derive(Debug, Default)]
pub struct Subject {
    /// The step, or the incident action.
    pub step: OnceLock<&'static str>,
    /// The secret's ARN.
    pub secret: OnceLock<String>,
    /// The version that the event names.
    pub version: OnceLock<String>,
    /// The broker's id or host.
    pub broker: OnceLock<String>,
    /// The broker user.
    pub user: OnceLock<String>,
    /// Who asked for the incident's action, and why, as they say.
    pub asked: OnceLock<String>,
    /// Sessions that have outlived two passwords of their user: told beside whatever becomes of the step.
    pub outlived: OnceLock<RotationError>,
    /// Whether this is the test of `RotateImmediately=false`.
    pub test_only: OnceLock<bool>,
}

impl Subject {
    /// Whether this is known to be the test of `RotateImmediately=false`.
    #[must_use]
    pub fn is_test_only(&self) -> bool {
        self.test_only.get().copied().unwrap_or(false)
    }
}

//! What an invocation is about, as far as it is known. For the log and for the notice.

use std::sync::OnceLock;

use crate::error::RotationError;

/// A step fills it in while it runs. It is read if the step fails or runs out of time.
#[derive(Debug, Default)]
pub struct Subject {
    /// The step, the incident action, or the request that only looks.
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
    /// Connections that have outlived two passwords of their user. They are reported even if the step succeeds.
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

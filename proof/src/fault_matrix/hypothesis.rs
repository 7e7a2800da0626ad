//! Hypotheses about what follows a failed attempt. AWS does not publish it, so each possibility is a column of the
//! matrix. They are the rows H1 to H8 of `testbed/aws/CONTRACT.md`.

use std::fmt;

use serde::{Deserialize, Serialize};
use testbed::aws::Pending;

use super::place::{Function, Place};

/// What Secrets Manager does after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hypothesis {
    /// The entire rotation again, with the same token.
    SameToken,
    /// The entire rotation again, with a new token. AWSPENDING moves to its version.
    NewToken,
    /// Nothing, until a person follows the playbook and rotates, or the schedule rotates.
    None,
    /// Each step is invoked twice at the same time. After a failure, the rotation runs again with the same token.
    Duplicate,
    /// As with a new token. At the end, the step that failed first runs again with its old token.
    LateWrite,
}

impl Hypothesis {
    /// All hypotheses.
    pub const ALL: [Self; 5] =
        [Self::SameToken, Self::NewToken, Self::None, Self::Duplicate, Self::LateWrite];

    /// The hypotheses that make a difference to the function that calls `place`. For dlq-handler, a retry by Secrets
    /// Manager is only one more message, or two messages at the same time.
    #[must_use]
    pub fn of(place: Place) -> Vec<Self> {
        match place.function() {
            Function::RotationMq | Function::Secret2Eks => Self::ALL.to_vec(),
            Function::DlqHandler => vec![Self::SameToken, Self::Duplicate],
        }
    }

    /// Whether it differs from the others only after a failed attempt.
    #[must_use]
    pub fn needs_a_failure(self) -> bool {
        self != Self::Duplicate
    }

    /// Both end states of a promotion occur on AWS (row L4). Each hypothesis runs with one of them.
    #[must_use]
    pub fn pending_after_promotion(self) -> Pending {
        match self {
            Self::SameToken | Self::None => Pending::Kept,
            Self::NewToken | Self::Duplicate | Self::LateWrite => Pending::Removed,
        }
    }
}

impl fmt::Display for Hypothesis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SameToken => "same-token",
            Self::NewToken => "new-token",
            Self::None => "none",
            Self::Duplicate => "duplicate",
            Self::LateWrite => "late-write",
        })
    }
}

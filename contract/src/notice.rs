//! The failure notice: what a function publishes when it fails.

use serde::{Deserialize, Serialize};

use crate::text::cut;
use crate::{Kind, Severity};

/// The value of a notice's `schema` field.
pub const NOTICE_SCHEMA: &str = "rotation-failure/1";

/// Texts longer than this many bytes are cut. A notice must fit into an SNS message (256 KiB), with room to spare.
const TEXT_LIMIT: usize = 2_000;
const CAUSES_LIMIT: usize = 16;

/// One failure, as published to the dead-letter topic (`schemas/failure-notice.json`).
///
/// It never holds a credential. Every text in it comes from an error, and errors hold none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureNotice {
    /// [`NOTICE_SCHEMA`].
    pub schema: String,
    /// What failed, to match on.
    pub kind: Kind,
    /// How bad the failure is for the people who use the secret.
    pub severity: Severity,
    /// Whether the same call may succeed later although nobody has changed anything.
    pub transient: bool,
    /// Whether this was the test that Secrets Manager runs for `RotateImmediately=false`.
    pub test_only: bool,
    /// The rotation step, the incident action, or the action of broker-user.
    pub step: Option<String>,
    /// The secret's ARN, if the event named one.
    pub secret_arn: Option<String>,
    /// The version that the event named.
    pub version_id: Option<String>,
    /// The broker's id or host, if it was known by then.
    pub broker: Option<String>,
    /// The broker user, if it was known by then.
    pub user: Option<String>,
    /// What failed, for whom, and why. For people.
    pub message: String,
    /// The chain of causes below the message, nearest first.
    pub causes: Vec<String>,
    /// The name of the function.
    pub function: String,
    /// Lambda's request id, by which to find the log.
    pub request_id: String,
    /// When it happened (RFC 3339, UTC).
    pub occurred_at: String,
}

impl FailureNotice {
    /// A notice of `kind`. The kind decides the severity and whether a retry may help. Long texts are cut.
    #[must_use]
    pub fn new(kind: Kind, message: &str, causes: &[String]) -> Self {
        Self {
            schema: NOTICE_SCHEMA.to_owned(),
            kind,
            severity: kind.severity(),
            transient: kind.is_transient(),
            test_only: false,
            step: None,
            secret_arn: None,
            version_id: None,
            broker: None,
            user: None,
            message: cut(message, TEXT_LIMIT),
            causes: causes.iter().take(CAUSES_LIMIT).map(|cause| cut(cause, TEXT_LIMIT)).collect(),
            function: String::new(),
            request_id: String::new(),
            occurred_at: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_stays_small_whatever_the_errors_say() -> Result<(), serde_json::Error> {
        let huge = "ö".repeat(100_000);
        let notice = FailureNotice::new(Kind::BrokerUnreachable, &huge, &vec![huge.clone(); 100]);
        assert!(serde_json::to_string(&notice)?.len() < 64 * 1024);
        Ok(())
    }
}

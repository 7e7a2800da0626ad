//! The failure notice: what the suite says when something went wrong.

use serde::{Deserialize, Serialize};

use crate::text::cut;
use crate::{Kind, Severity};

/// The value of a notice's `schema` field.
pub const NOTICE_SCHEMA: &str = "rotation-failure/1";

/// Texts longer than this many bytes are cut: a notice must fit an SNS message (256 KiB) with room to spare.
const TEXT_LIMIT: usize = 2_000;
const CAUSES_LIMIT: usize = 16;

/// One failure, as published to the dead-letter topic (`schemas/failure-notice.json`).
///
/// It never holds a credential: every text in it comes from an error, and errors hold none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureNotice {
    /// [`NOTICE_SCHEMA`].
    pub schema: String,
    /// What failed, to match on.
    pub kind: Kind,
    /// What it means for the people who use the secret.
    pub severity: Severity,
    /// Whether the same call may succeed later without anybody changing anything.
    pub transient: bool,
    /// Whether this was the test that Secrets Manager runs for `RotateImmediately=false`.
    pub test_only: bool,
    /// The rotation step, or the incident action.
    pub step: Option<String>,
    /// The secret's ARN, when the event named one.
    pub secret_arn: Option<String>,
    /// The version that the event named.
    pub version_id: Option<String>,
    /// The broker, once it was known: its id or host.
    pub broker: Option<String>,
    /// The broker user, once it was known.
    pub user: Option<String>,
    /// What failed, for whom, and why: for people.
    pub message: String,
    /// The chain of causes below the message, nearest first.
    pub causes: Vec<String>,
    /// The name of the function.
    pub function: String,
    /// Lambda's request id, to find the log by.
    pub request_id: String,
    /// When it happened (RFC 3339, UTC).
    pub occurred_at: String,
}

impl FailureNotice {
    /// A notice of `kind`, with severity and transience as the kind says and long texts cut.
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

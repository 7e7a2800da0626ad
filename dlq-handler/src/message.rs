//! The messages that can come into the queues, in one form for all senders.

use contract::{Area, DeliveryRequest, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One message, after it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Something failed.
    Failure(Box<Failure>),
    /// Something has succeeded. It may have failed before.
    Success(Success),
    /// The handler's own message: a delivery to request now.
    Redelivery(DeliveryRequest),
    /// The schedule's message: check every open incident.
    Sweep,
    /// A success or a command that did not come through its sender's queue.
    Untrusted {
        /// The failure to report.
        failure: Box<Failure>,
        /// The success that it claims, if Secrets Manager can confirm it.
        claim: Option<Success>,
    },
    /// A message that is only logged.
    Information(String),
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Distinguishes a repeated message from a repeated failure.
    pub id: String,
    /// What it is about.
    pub area: Area,
    /// The secret's ARN, or the name of the function or alarm.
    pub subject: String,
    /// What failed.
    pub kind: Kind,
    /// When it failed.
    pub occurred_at: Timestamp,
    /// What is known beside the kind.
    pub detail: Detail,
    /// The delivery that failed.
    pub delivery: Option<DeliveryRequest>,
    /// Whether it has waited for a message that says more.
    pub waited: bool,
}

/// What is known of a failure beside its kind. Every text is short and holds no credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Detail {
    /// What failed, for people.
    pub message: String,
    /// Why, nearest first.
    pub causes: Vec<String>,
    /// The rotation step.
    pub step: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The broker user.
    pub user: Option<String>,
    /// The broker.
    pub broker: Option<String>,
    /// The function that failed.
    pub function: Option<String>,
    /// The secret that the event named, if the failure is about a function.
    pub secret: Option<String>,
    /// Lambda's request id.
    pub request_id: Option<String>,
    /// Whether it was only the test of a schedule.
    pub test_only: bool,
    /// What has been tried, or will be tried, without a person.
    pub tried: String,
}

/// One success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Success {
    /// Distinguishes a repeated message from a repeated success.
    pub id: String,
    /// What has succeeded.
    pub area: Area,
    /// As in [`Failure::subject`].
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// Whether it is the test of a schedule. A test rotates nothing, so it ends only a failed test.
    pub of_test: bool,
}

/// What follows the function's name in the subject of a reconcile. No function has a name with a space.
const RECONCILE: &str = " reconcile";

/// The subject of the incident of a reconcile, in the area of functions.
#[must_use]
pub fn reconcile_of(function: &str) -> String {
    format!("{function}{RECONCILE}")
}

/// The function whose reconcile is this subject.
#[must_use]
pub fn function_of_reconcile(subject: &str) -> Option<&str> {
    subject.strip_suffix(RECONCILE)
}

//! The messages that can come into the queues, in one form for all senders.

use contract::{Area, DeliveryRequest, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::Access;

/// One message, after it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Something failed.
    Failure(Box<Failure>),
    /// Something has succeeded. It may have failed before.
    Success(Success),
    /// A call that CloudTrail reports. Nobody knows yet whether it is allowed.
    Access(Box<Access>),
    /// A person closes an incident.
    Close(Closing),
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
    /// Somebody stored a value of a secret, or moved AWSCURRENT.
    Stored(Stored),
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
    /// Who made the call that CloudTrail reports.
    pub who: Option<String>,
    /// Lambda's request id, or CloudTrail's id of a call.
    pub request_id: Option<String>,
    /// Who stored the version, if CloudTrail has reported it.
    pub stored_by: Option<String>,
    /// Whether it was only the test of a schedule.
    pub test_only: bool,
    /// What has been tried, or will be tried, without a person.
    pub tried: String,
}

/// Who made a version current, according to CloudTrail. The name of the caller is foreign text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The secret, in whichever form the caller named it.
    pub secret: String,
    /// The version.
    pub version: String,
    /// The ARN of the caller.
    pub by: String,
    /// The call.
    pub call: String,
    /// When.
    pub at: Timestamp,
}

impl Stored {
    /// For people.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} ({} at {})", self.by, self.call, self.at.strftime("%Y-%m-%d %H:%M:%S UTC"))
    }
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

/// A request of a person to close an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Distinguishes a repeated message from a repeated request.
    pub id: String,
    /// As in [`Failure::subject`].
    pub subject: String,
    /// The area of the incident.
    pub area: Area,
    /// The incident that the person looked at. None closes whichever was open when the request was sent.
    pub incident_id: Option<String>,
    /// When SQS received the request.
    pub sent_at: Timestamp,
    /// Who closes it, and why.
    pub closed: Closed,
}

/// Who closed an incident, and why. Every text is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// Who, as the request says.
    pub by: String,
    /// The id of the principal that sent the request, as SQS names it.
    pub sender: Option<String>,
    /// Why.
    pub reason: String,
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

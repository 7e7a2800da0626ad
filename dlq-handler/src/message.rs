//! What can come into the queue, in one form, whoever sent it.

use contract::{Area, DeliveryRequest, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One message, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Something failed.
    Failure(Box<Failure>),
    /// Something that may have failed before has succeeded.
    Success(Success),
    /// Our own: a delivery to request now.
    Redelivery(DeliveryRequest),
    /// The schedule's: look at every open incident.
    Sweep,
    /// A success or a command that did not come by its sender's way.
    Untrusted {
        /// What people are told.
        failure: Box<Failure>,
        /// The success that it claims, where somebody can be asked whether it is true.
        claim: Option<Success>,
    },
    /// Nothing to do but to log it.
    Information(String),
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Tells a repeated message from a repeated failure.
    pub id: String,
    /// What it is about.
    pub area: Area,
    /// The secret's ARN, or the name of the function or alarm.
    pub subject: String,
    /// What failed.
    pub kind: Kind,
    /// When.
    pub occurred_at: Timestamp,
    /// What is known beside the kind.
    pub detail: Detail,
    /// The delivery that failed.
    pub delivery: Option<DeliveryRequest>,
    /// Whether it has waited for a message that says more.
    pub waited: bool,
}

/// What is known of a failure beside its kind; every text is short and holds no credential.
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
    /// The secret that the event named, where the failure is its function's.
    pub secret: Option<String>,
    /// Lambda's request id.
    pub request_id: Option<String>,
    /// Whether it was only the test of a schedule.
    pub test_only: bool,
    /// What has been tried, or will be, without anybody's help.
    pub tried: String,
}

/// One success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Success {
    /// Tells a repeated message from a repeated success.
    pub id: String,
    /// What has succeeded.
    pub area: Area,
    /// As in [`Failure::subject`].
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// Whether it is the test of a schedule, which rotates nothing: it ends a failed test and nothing else.
    pub of_test: bool,
}

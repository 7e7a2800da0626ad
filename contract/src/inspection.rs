//! What the function `inspect` is asked and what it answers. It only looks, and no answer holds a credential.

use serde::{Deserialize, Serialize};

use crate::{Kind, Severity, Strategy};

/// The value of an inspection's `schema` field.
pub const INSPECTION_SCHEMA: &str = "rotation-inspection/1";

/// The value of a login check's `schema` field.
pub const LOGIN_CHECK_SCHEMA: &str = "rotation-login-check/1";

/// The value of the `schema` field of the answer about routes.
pub const ROUTES_SCHEMA: &str = "rotation-routes/1";

/// A request to the function `inspect` (`schemas/inspect-event.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "Action", rename_all = "camelCase", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum InspectRequest {
    /// Look at everything of one secret. The answer is an [`Inspection`].
    Inspect {
        /// The secret's ARN or name.
        secret_id: String,
    },
    /// Does this version log in? The answer is a [`LoginCheck`].
    CheckLogin {
        /// The secret's ARN or name.
        secret_id: String,
        /// The version.
        version_id: String,
    },
    /// Which of the services that a rotation needs can be reached from the function? The answer is [`Routes`].
    Routes {},
}

/// Whether a login works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// The broker accepted the login.
    Accepted,
    /// The broker itself refused it, also when it was asked again for some seconds.
    Refused,
    /// It could not be found out: the value cannot be read, or the broker did not answer.
    Unknown,
}

/// What the broker says of one version's credentials (`schemas/login-check.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginCheck {
    /// [`LOGIN_CHECK_SCHEMA`].
    pub schema: String,
    /// The secret's ARN.
    pub secret_arn: String,
    /// The version that was checked.
    pub version_id: String,
    /// The broker user of that version, if its value could be read.
    pub user: Option<String>,
    /// Whether it logs in.
    pub login: Login,
    /// Why it does not, or why that is unknown.
    pub problem: Option<Finding>,
    /// A version that logs in, if the checked one is refused. The newest one with the stage AWSPREVIOUS or AWSPENDING.
    pub working_version_id: Option<String>,
}

/// Everything that `inspect` sees of one secret (`schemas/inspection.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// [`INSPECTION_SCHEMA`].
    pub schema: String,
    /// The secret's ARN.
    pub secret_arn: String,
    /// The secret's name.
    pub name: String,
    /// When it was looked at (RFC 3339, UTC).
    pub inspected_at: String,
    /// Whether two users take turns, if the current value could be read.
    pub strategy: Option<Strategy>,
    /// Whether rotation is on.
    pub rotation_enabled: bool,
    /// When Secrets Manager will rotate next (RFC 3339), if it says so.
    pub next_rotation: Option<String>,
    /// The labelled versions, AWSCURRENT first.
    pub versions: Vec<InspectedVersion>,
    /// The users of the pair, that of AWSCURRENT first.
    pub users: Vec<InspectedUser>,
    /// The broker, if it could be found.
    pub broker: Option<InspectedBroker>,
    /// Who is connected as a user of the pair, oldest first. At most [`Inspection::CONNECTIONS_LISTED`].
    pub connections: Vec<InspectedConnection>,
    /// How many connections there are, also those that are not listed; none if it could not be found out.
    pub connections_total: Option<u64>,
    /// What setSecret would change on the broker, one sentence each, without credentials.
    pub differences: Vec<String>,
    /// Where the secret is delivered, if it is.
    pub delivery: Option<InspectedDelivery>,
    /// What is wrong or soon will be, the worst first. Empty: nothing.
    pub findings: Vec<Finding>,
}

impl Inspection {
    /// The most connections in one answer.
    pub const CONNECTIONS_LISTED: usize = 100;

    /// The worst severity of the findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let has = |severity| self.findings.iter().any(|finding| finding.severity == severity);
        [Severity::Critical, Severity::Error, Severity::Warning].into_iter().find(|&severity| has(severity))
    }
}

/// One thing that is wrong or soon will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is, to match on. A playbook has a section for each kind.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, for whom, and why. For people; it holds no credential.
    pub message: String,
}

/// One labelled version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedVersion {
    /// The version's id.
    pub version_id: String,
    /// Its staging labels.
    pub stages: Vec<String>,
    /// When it was made (RFC 3339), if Secrets Manager says so.
    pub created_at: Option<String>,
    /// Its broker user, if its value could be read.
    pub user: Option<String>,
    /// Whether it logs in over AMQPS.
    pub login: Login,
}

/// Whose a broker user is. See `ownership.rs` of rotation-mq.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Owner {
    /// It has the mark of this secret, or a version of this secret logs in as it.
    ThisSecret,
    /// It has the mark of another secret.
    AnotherSecret,
    /// It exists without a mark, and no version of this secret logs in as it.
    Nobody,
    /// It could not be found out.
    Unknown,
}

/// One user of the pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedUser {
    /// The user's name.
    pub name: String,
    /// Whether the broker has it; none if it could not be found out.
    pub exists: Option<bool>,
    /// Whether AWSCURRENT is this user.
    pub in_turn: bool,
    /// Whose it is.
    pub owner: Owner,
    /// Its tags on the broker, without the mark.
    pub tags: Vec<String>,
    /// How many connections it has; none if it could not be found out.
    pub connections: Option<u64>,
    /// The user's limit of connections, if it has one.
    pub connection_limit: Option<u64>,
}

/// The broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedBroker {
    /// Amazon MQ's id, or the host if the secret names one.
    pub name: String,
    /// Amazon MQ's state, for example `RUNNING`; none for a broker with a host.
    pub state: Option<String>,
    /// The version of RabbitMQ.
    pub version: Option<String>,
    /// When the certificate of the AMQPS endpoint ends (RFC 3339).
    pub certificate_ends: Option<String>,
    /// How many whole days the certificate is still valid.
    pub certificate_days: Option<i64>,
}

/// One connection of a user of the pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedConnection {
    /// The user.
    pub user: String,
    /// The vhost.
    pub vhost: Option<String>,
    /// The client's address and port, as the broker sees them.
    pub peer: String,
    /// The name that the client gave itself. Foreign text.
    pub client: Option<String>,
    /// Since when (RFC 3339).
    pub since: Option<String>,
    /// Whether it is of the user whose turn it is not.
    pub stale: bool,
}

/// Where the secret is delivered, from its tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedDelivery {
    /// The namespace in the tags.
    pub namespace: String,
    /// The version of the receipt, if there is one.
    pub delivered: Option<String>,
    /// Whether the receipt is of AWSCURRENT.
    pub current: bool,
}

/// Which services the function reaches (`schemas/routes.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Routes {
    /// [`ROUTES_SCHEMA`].
    pub schema: String,
    /// One for each service.
    pub routes: Vec<RouteCheck>,
}

/// Whether one service answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteCheck {
    /// `secretsmanager`, `sns`, `mq`, `lambda`.
    pub service: String,
    /// Whether it answered anything, also a refusal.
    pub reached: bool,
    /// Why not.
    pub problem: Option<String>,
}

/// What rotation-watch remembers of the inspections of one secret, in an item of the table of incidents whose area is
/// [`InspectionMemory::AREA`]. dlq-handler reads it: an inspection that found nothing ends the incident of an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InspectionMemory {
    /// The secret's ARN.
    pub secret_arn: String,
    /// When the secret was inspected last (RFC 3339).
    pub inspected_at: Option<String>,
    /// Since when each attempt has failed (RFC 3339).
    pub failing_since: Option<String>,
    /// The kinds that the last inspection found, the worst first.
    pub findings: Vec<String>,
}

impl InspectionMemory {
    /// The area of these items in the table. It is no area of incidents.
    pub const AREA: &str = "inspected";
}

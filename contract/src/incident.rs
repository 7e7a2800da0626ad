//! An incident as other systems see it: what it is about, and the events that go to EventBridge.

use serde::{Deserialize, Serialize};

use crate::{Kind, Severity};

/// The `source` of the suite's events on EventBridge.
pub const EVENT_SOURCE: &str = "secret-rotation";

/// The value of an incident event's `schema` field.
pub const INCIDENT_SCHEMA: &str = "rotation-incident/1";

/// What an incident is about. A secret has at most one open incident for each area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// The four steps. The next rotation that succeeds closes the incident.
    Rotation,
    /// The delivery to the cluster. The next delivery that succeeds closes the incident.
    #[serde(alias = "distribution")]
    Delivery,
    /// A request to revoke leaked credentials.
    Revocation,
    /// A request to give a broker user to a secret.
    Adoption,
    /// A function that cannot work for any secret, or `FUNCTION reconcile`: a comparison of the whole cluster with all
    /// secrets. The next reconcile that succeeds closes the latter.
    Function,
    /// A CloudWatch alarm. The incident closes when the alarm is OK again.
    Alarm,
    /// A message that dlq-handler does not understand, or that did not come from its sender's queue.
    Message,
    /// Connections that outlive rotations. Rotations that report none close the incident.
    Connections,
    /// What an inspection has found before a rotation failed of it. An inspection that finds nothing closes the incident.
    Inspection,
    /// Somebody read a value, or tried to, or took away what protects it. A person closes the incident. The subject is a
    /// secret, or the KMS key of the secrets.
    Access,
}

impl Area {
    /// Every area.
    pub const ALL: &[Self] = &[
        Self::Rotation,
        Self::Delivery,
        Self::Revocation,
        Self::Adoption,
        Self::Function,
        Self::Alarm,
        Self::Message,
        Self::Connections,
        Self::Inspection,
        Self::Access,
    ];

    /// The name in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::Delivery => "delivery",
            Self::Revocation => "revocation",
            Self::Adoption => "adoption",
            Self::Function => "function",
            Self::Alarm => "alarm",
            Self::Message => "message",
            Self::Connections => "connections",
            Self::Inspection => "inspection",
            Self::Access => "access",
        }
    }

    /// The name in the table of incidents, where an item keeps the key that version 0.1 gave it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Delivery => "distribution",
            other => other.as_str(),
        }
    }

    /// Whether a success is reported, too. If it is not, an incident ends when no message about it has come for a day.
    #[must_use]
    pub fn is_closed_by_success(self) -> bool {
        matches!(self, Self::Rotation | Self::Delivery | Self::Alarm | Self::Connections | Self::Inspection)
    }

    /// Whether its subjects are secrets.
    #[must_use]
    pub fn is_about_secrets(self) -> bool {
        matches!(
            self,
            Self::Rotation
                | Self::Delivery
                | Self::Revocation
                | Self::Adoption
                | Self::Connections
                | Self::Inspection
                | Self::Access
        )
    }
}

/// Whether an incident begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// `Rotation Incident Opened`.
    Open,
    /// `Rotation Incident Closed`.
    Closed,
}

impl IncidentState {
    /// The event's `detail-type`.
    #[must_use]
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::Open => "Rotation Incident Opened",
            Self::Closed => "Rotation Incident Closed",
        }
    }
}

/// The `detail` of an event for any SIEM (`schemas/incident-event.json`). An event is sent at least once, so count
/// incident ids, not events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentEvent {
    /// [`INCIDENT_SCHEMA`].
    pub schema: String,
    /// The same in both events of an incident.
    pub incident_id: String,
    /// Whether it begins or ends.
    pub state: IncidentState,
    /// What it is about.
    pub area: Area,
    /// The secret's ARN, or the name of the function or alarm.
    pub subject: String,
    /// What failed last.
    pub kind: Kind,
    /// How bad that is for the people who use the secret.
    pub severity: Severity,
    /// How often it failed.
    pub failures: u64,
    /// When it failed first (RFC 3339, UTC).
    pub opened_at: String,
    /// When it ended. Absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// What failed, for people.
    pub message: String,
}

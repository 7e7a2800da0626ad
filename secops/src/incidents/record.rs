//! An incident, as dlq-handler stores it.

use contract::{Kind, Severity, secret_name, secret_suffix};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::aws::dynamodb::Item;

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its id, which alerts and events name.
    pub id: String,
    /// The secret's ARN, or the name of the function or alarm. Foreign text.
    pub subject: String,
    /// What it is about.
    pub area: String,
    /// What failed last.
    pub kind: String,
    /// How bad that is, if this version knows the kind.
    pub severity: Option<Severity>,
    /// When it failed first.
    pub opened_at: Timestamp,
    /// When it failed last.
    pub last_failure_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// How often it failed.
    pub failures: u64,
    /// What failed, for people. Foreign text.
    pub message: String,
}

impl Incident {
    /// Whether it has not ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// The name of the secret, or the subject.
    #[must_use]
    pub fn name(&self) -> &str {
        let Some(name) = secret_name(&self.subject) else { return &self.subject };
        let suffix = secret_suffix(&self.subject).map_or(0, |suffix| suffix.len() + 1);
        name.get(..name.len().saturating_sub(suffix)).unwrap_or(name)
    }

    /// Whether what failed last may succeed by itself.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        Kind::parse(&self.kind).is_some_and(Kind::is_transient)
    }

    /// Open before closed, the worst first, the oldest first.
    #[must_use]
    pub fn order(&self) -> (bool, u8, Timestamp) {
        (!self.is_open(), rank(self.severity), self.opened_at)
    }
}

/// 0 is the worst. An unknown kind is of a newer version, and counts as an error.
#[must_use]
pub fn rank(severity: Option<Severity>) -> u8 {
    match severity {
        Some(Severity::Critical) => 0,
        Some(Severity::Error) | None => 1,
        Some(Severity::Warning) => 2,
    }
}

/// The incidents of these items.
#[must_use]
pub fn incidents(items: &[Item]) -> Vec<Incident> {
    items.iter().filter_map(about).collect()
}

/// The incident of an item, open or closed.
#[must_use]
pub fn about(item: &Item) -> Option<Incident> {
    let incident = item.record.get("incident").filter(|incident| incident.is_object())?;
    let text = |field: &str| incident[field].as_str().map(str::to_owned);
    let time = |field: &str| incident[field].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let area = item.record["area"].as_str().unwrap_or(&item.area);
    let kind = text("kind")?;
    Some(Incident {
        id: text("id")?,
        subject: item.subject.clone(),
        area: area.to_owned(),
        severity: Kind::parse(&kind).map(Kind::severity),
        kind,
        opened_at: time("openedAt")?,
        last_failure_at: time("lastFailureAt")?,
        closed_at: time("closedAt"),
        failures: incident["failures"].as_u64().unwrap_or(1),
        message: incident["detail"].get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

//! What the doctor found: one row for each check and subject.

use serde::Serialize;

use super::check::Check;
use super::facts::Unseen;

/// The value of a report's `schema` field.
pub const DOCTOR_SCHEMA: &str = "secops-doctor/1";

/// The state of one row, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Something does not work, or will not work when it is needed.
    Broken,
    /// It works, and somebody should look at it.
    Warning,
    /// It could not be found out.
    Unknown,
    /// All is well.
    Ok,
}

impl State {
    /// The word in the table and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Ok => "ok",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The check.
    pub check: Check,
    /// What was checked, if the check has more than one subject: a queue, a secret, a service.
    pub subject: Option<String>,
    /// How it stands.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// How to fix it: a command, or where to read on. None if there is nothing to fix.
    pub fix: Option<String>,
}

impl Row {
    /// All is well.
    #[must_use]
    pub fn ok(check: Check, seen: impl Into<String>) -> Self {
        Self { check, subject: None, state: State::Ok, seen: seen.into(), fix: None }
    }

    /// It works, and somebody should look at it.
    #[must_use]
    pub fn warning(check: Check, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warning, fix: Some(fix.into()), ..Self::ok(check, seen) }
    }

    /// It does not work.
    #[must_use]
    pub fn broken(check: Check, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Broken, fix: Some(fix.into()), ..Self::ok(check, seen) }
    }

    /// It could not be found out.
    #[must_use]
    pub fn unknown(check: Check, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Unknown, fix: Some(fix.into()), ..Self::ok(check, seen) }
    }

    /// It could not be found out, because a call did not answer.
    #[must_use]
    pub fn unseen(check: Check, unseen: &Unseen) -> Self {
        Self::unknown(check, unseen.to_string(), unseen.fix())
    }

    /// The same row about `subject`.
    #[must_use]
    pub fn of(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }
}

/// The whole report (`contract/schemas/doctor.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`DOCTOR_SCHEMA`].
    pub schema: &'static str,
    /// The stack.
    pub stack: String,
    /// When the checks began (RFC 3339, UTC).
    pub checked_at: String,
    /// Whether every check ended in its time.
    pub complete: bool,
    /// How many rows are broken.
    pub broken: usize,
    /// How many rows are warnings.
    pub warnings: usize,
    /// How many rows are unknown.
    pub unknown: usize,
    /// The rows, in the order of the checks.
    pub rows: Vec<Row>,
}

impl Report {
    /// A report of these rows.
    #[must_use]
    pub fn new(stack: &str, checked_at: String, complete: bool, mut rows: Vec<Row>) -> Self {
        rows.sort_by(|one, other| {
            (one.check, one.state, &one.subject).cmp(&(other.check, other.state, &other.subject))
        });
        let count = |state: State| rows.iter().filter(|row| row.state == state).count();
        Self {
            schema: DOCTOR_SCHEMA,
            stack: stack.to_owned(),
            checked_at,
            complete,
            broken: count(State::Broken),
            warnings: count(State::Warning),
            unknown: count(State::Unknown),
            rows,
        }
    }

    /// Whether something is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_its_rows_and_shows_the_worst_of_a_check_first() {
        let rows = vec![
            Row::ok(Check::QueuesWaiting, "empty").of("b"),
            Row::unknown(Check::TrailLogging, "not seen", "allow it"),
            Row::broken(Check::QueuesWaiting, "3 messages", "read them").of("c"),
            Row::warning(Check::CallerIdentity, "root", "use a role"),
            Row::ok(Check::QueuesWaiting, "empty").of("a"),
        ];
        let report = Report::new("rotation", "2026-01-01T00:00:00Z".to_owned(), true, rows);
        assert_eq!((report.broken, report.warnings, report.unknown), (1, 1, 1));
        assert!(report.is_broken());
        let order: Vec<_> =
            report.rows.iter().map(|row| (row.check.as_str(), row.subject.as_deref())).collect();
        assert_eq!(
            order,
            [
                ("caller.identity", None),
                ("queues.waiting", Some("c")),
                ("queues.waiting", Some("a")),
                ("queues.waiting", Some("b")),
                ("trail.logging", None),
            ]
        );
    }
}

//! What the doctor answered, and what a test expects of it.

use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What the doctor answered.
pub struct Seen {
    pub code: Option<i32>,
    pub report: Value,
    pub stderr: String,
}

impl Seen {
    fn rows(&self) -> impl Iterator<Item = &Value> {
        self.report["rows"].as_array().into_iter().flatten()
    }

    /// The rows that are broken.
    pub fn broken(&self) -> Vec<&Value> {
        self.rows().filter(|row| row["state"] == "broken").collect()
    }

    /// The rows that could not be found out.
    pub fn unknown(&self) -> Vec<&Value> {
        self.rows().filter(|row| row["state"] == "unknown").collect()
    }

    /// Their checks.
    pub fn broken_checks(&self) -> Vec<String> {
        self.broken().into_iter().filter_map(|row| row["check"].as_str().map(str::to_owned)).collect()
    }

    /// The states of the rows of a check.
    pub fn states(&self, check: &str) -> Vec<String> {
        let rows = self.rows().filter(|row| row["check"] == check);
        rows.filter_map(|row| row["state"].as_str().map(str::to_owned)).collect()
    }

    /// The one row of a check.
    pub fn only(&self, check: &str) -> Result<&Value> {
        self.rows().find(|row| row["check"] == check).with_context(|| format!("no row {check}: {self}"))
    }

    /// Requires a broken row for each expectation: the check, a part of the subject, and a part of what was seen.
    pub fn names(&self, expected: &[(&str, &str, &str)]) -> Result<()> {
        ensure!(self.code == Some(1), "the exit code is {:?}: {self}", self.code);
        for one in expected {
            let is_named = self.broken().into_iter().any(|row| is(row, *one));
            ensure!(is_named, "no broken row for {one:?}: {self}");
        }
        Ok(())
    }

    /// As [`Seen::names`], and nothing else is broken.
    pub fn names_only(&self, expected: &[(&str, &str, &str)]) -> Result<()> {
        self.names(expected)?;
        for row in self.broken() {
            ensure!(expected.iter().any(|one| is(row, *one)), "not expected: {row}");
        }
        Ok(())
    }
}

/// Whether it is that row. It also says how to fix it.
fn is(row: &Value, (check, subject, seen): (&str, &str, &str)) -> bool {
    let text = |field: &str| row[field].as_str().unwrap_or_default();
    row["check"] == check
        && text("subject").contains(subject)
        && text("seen").contains(seen)
        && !text("fix").is_empty()
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> =
            self.rows().filter(|row| row["state"] != "ok").map(|row| format!("\n  {row}")).collect();
        write!(formatter, "{}\n{}", rows.concat(), self.stderr)
    }
}

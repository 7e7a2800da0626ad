//! The output of a command: aligned plain text and counted checks.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;

/// Names of fields are padded to this width.
const NAMES: usize = 14;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All checks passed.
    Held,
    /// A check failed.
    Failed,
    /// No check failed, but some checks were not made.
    Unfinished,
}

impl From<bool> for Verdict {
    fn from(held: bool) -> Self {
        if held { Self::Held } else { Self::Failed }
    }
}

/// Prints a text to standard output. A closed pipe (`| head`) is no failure, because the command must still stop what
/// it started.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints progress or a failure to standard error.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Milliseconds below a second, else seconds.
pub fn duration(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// A report for a person, with the failed checks.
#[derive(Debug, Default)]
pub struct Report {
    held: usize,
    failed: Vec<String>,
    section: String,
}

impl Report {
    /// Begins a section.
    pub fn section(&mut self, title: &str) {
        say(&format!("\n{title}"));
        title.clone_into(&mut self.section);
    }

    /// One aligned line.
    pub fn field(&self, name: &str, value: &str) {
        say(&format!("  {name:NAMES$} {value}"));
    }

    /// A statement that must be true. An error counts as a failed check.
    pub fn check(&mut self, statement: &str, holds: Result<bool>) {
        let line = self.record(statement, holds);
        say(&line);
    }

    fn record(&mut self, statement: &str, holds: Result<bool>) -> String {
        let why = match holds {
            Ok(true) => {
                self.held += 1;
                return format!("  ok      {statement}");
            }
            Ok(false) => String::new(),
            Err(error) => format!(": {error:#}"),
        };
        self.failed.push(format!("{}: {statement}", self.section));
        format!("  FAILED  {statement}{why}")
    }

    /// Prints the summary. Returns whether all checks passed.
    pub fn end(&self) -> bool {
        let total = self.held + self.failed.len();
        say(&format!("\n{} of {total} checks passed", self.held));
        for failed in &self.failed {
            say(&format!("  FAILED  {failed}"));
        }
        self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_could_not_be_made_did_not_hold() {
        let mut report = Report { section: "Repair".to_owned(), ..Report::default() };
        assert_eq!(report.record("fine", Ok(true)), "  ok      fine");
        assert_eq!(report.record("known", Err(anyhow::anyhow!("no answer"))), "  FAILED  known: no answer");
        assert_eq!(report.held, 1);
        assert_eq!(report.failed, ["Repair: known"]);
    }
}

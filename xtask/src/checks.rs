//! Runs all checks, also after one failed, and lists the failed checks at the end.

use std::process::Command;

use anyhow::{Result, bail};

use crate::advisories::Verdict;
use crate::step;

/// The results of the checks so far.
#[derive(Debug, Default)]
pub struct Checks {
    count: usize,
    failed: Vec<String>,
}

impl Checks {
    /// Runs a program that must succeed. `next` is the advice for the user if it fails.
    pub fn command(&mut self, what: &str, command: &mut Command, next: &str) {
        let result = step::quiet(what, command, next);
        self.step(what, result);
    }

    /// Records a step that has printed its own result, except for its error.
    pub fn step<T>(&mut self, what: &str, result: Result<T>) -> Option<T> {
        self.count += 1;
        result
            .map_err(|error| {
                eprintln!("{error:#}\n");
                self.failed.push(what.to_owned());
            })
            .ok()
    }

    /// Records a rule of the project and its violations.
    pub fn rule(&mut self, what: &str, violations: &[String]) {
        self.count += 1;
        if violations.is_empty() {
            eprintln!("  ok      {what}");
            return;
        }
        eprintln!("  FAILED  {what}\n{}\n", violations.join("\n"));
        self.failed.push(what.to_owned());
    }

    /// Records the result of the advisory check. Not every machine can reach the database.
    pub fn advisories(&mut self, verdict: Verdict) {
        let violation = match verdict {
            Verdict::Passed => None,
            Verdict::NotChecked(why) => {
                eprintln!(
                    "  OMITTED advisories\n{why}\n  next: run `cargo xtask lint --advisories` where the database is reachable"
                );
                return;
            }
            Verdict::Failed(why) => Some(format!(
                "{why}\n  next: update the crate, or ignore the advisory in deny.toml with a reason"
            )),
        };
        self.rule("advisories", violation.as_slice());
    }

    /// # Errors
    /// When a check failed.
    pub fn verdict(self) -> Result<()> {
        if self.failed.is_empty() {
            eprintln!("{} checks passed", self.count);
            return Ok(());
        }
        bail!("{} of {} checks failed: {}", self.failed.len(), self.count, self.failed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_does_not_hide_the_next_and_is_named_at_the_end() {
        let mut checks = Checks::default();
        checks.rule("first", &["broken".to_owned()]);
        assert_eq!(checks.step("second", Ok(2)), Some(2));
        assert_eq!(checks.step::<()>("third", Err(anyhow::anyhow!("no"))), None);
        let error = checks.verdict().unwrap_err().to_string();
        assert_eq!(error, "2 of 3 checks failed: first, third");
    }
}

//! The name, the tags and the lease of one run.

use anyhow::{Result, ensure};
use jiff::{Timestamp, ToSpan as _};

/// The tag of everything that a run creates. Its value is the run.
pub const RUN_TAG: &str = "conformance-run";
/// The tag with the time after which nothing needs the resource any more.
pub const LEASE_TAG: &str = "conformance-lease";
/// A run without a broker takes about 20 minutes.
const LEASE_HOURS: i64 = 2;
/// `--collect` asks after a day.
const KEPT_HOURS: i64 = 26;
/// The name of a bucket has at most 63 characters, and the account's id takes 13.
const LONGEST: usize = 32;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    id: String,
    lease: Timestamp,
}

impl Run {
    /// A new run. Its id is its start, and `part` if several runs start within one second.
    ///
    /// # Errors
    /// When `part` has other characters than a name may have.
    pub fn start(now: Timestamp, part: &str, is_kept: bool) -> Result<Self> {
        let id = format!("{}{part}", now.strftime("%Y%m%d-%H%M%S"));
        Self::of(&id, now, is_kept)
    }

    /// The run with this id, such as the argument of `--cleanup`.
    ///
    /// # Errors
    /// When it is no id of a run.
    pub fn of(id: &str, now: Timestamp, is_kept: bool) -> Result<Self> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            (6..=LONGEST).contains(&id.len()) && id.chars().all(is_plain),
            "`{id}` is no run: 6 to {LONGEST} lower-case letters, digits and hyphens"
        );
        let hours = if is_kept { KEPT_HOURS } else { LEASE_HOURS };
        Ok(Self { id: id.to_owned(), lease: now.checked_add(hours.hours())? })
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The prefix of every name, and the name of the stack: `conf-RUN`.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("conf-{}", self.id)
    }

    /// The tags of everything that the run creates.
    #[must_use]
    pub fn tags(&self) -> [(&'static str, String); 2] {
        [(RUN_TAG, self.id.clone()), (LEASE_TAG, self.lease.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())]
    }

    /// Whether a resource with these tags is of this run, so that it may be deleted.
    #[must_use]
    pub fn owns<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        tags.into_iter().any(|(key, value)| key == RUN_TAG && value == self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run::start("2026-11-29T09:25:12Z".parse().unwrap(), "", false).unwrap()
    }

    #[test]
    fn a_run_is_named_by_its_start_and_its_lease_ends() {
        let run = run();
        assert_eq!((run.id(), run.prefix().as_str()), ("20261129-092512", "conf-20261129-092512"));
        assert_eq!(run.tags()[1], (LEASE_TAG, "2026-11-29T11:25:12Z".to_owned()));
    }

    #[test]
    fn only_the_runs_own_tag_makes_a_resource_its_own() {
        let run = run();
        assert!(run.owns([("team", "shop"), (RUN_TAG, "20261129-092512")]));
        for tags in
            [vec![], vec![(RUN_TAG, "20261129-092513")], vec![("x", "20261129-092512")], vec![(RUN_TAG, "")]]
        {
            assert!(!run.owns(tags.clone()), "{tags:?}");
        }
    }

    #[test]
    fn what_is_no_run_is_refused() {
        for id in ["", "*", "short", "UPPER-CASE", "a/b/c/d", "20261129-092512-and-something-much-longer"] {
            assert!(Run::of(id, clock(), false).is_err(), "{id}");
        }
    }

    fn clock() -> Timestamp {
        "2026-11-29T09:25:12Z".parse().unwrap()
    }
}

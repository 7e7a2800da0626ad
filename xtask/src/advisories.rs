//! Checks the crates in Cargo.lock for known vulnerabilities in RustSec's database (<https://rustsec.org>).
//!
//! The database is a git repository. If it cannot be fetched, the check reports that, but does not fail: people may work
//! without a network. An advisory from an older copy still fails the check.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace;

/// The time limit to fetch the database, in the format of `timeout`. The database has about 30 MB.
const FETCH_LIMIT: &str = "120s";

/// Whether the check may be omitted when the database cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// The check is omitted, and a line reports this.
    IfReachable,
    /// The check fails: `lint --advisories`.
    Always,
}

/// The result of the check.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No current advisory concerns a crate of Cargo.lock.
    Passed,
    /// The check was not possible and not demanded.
    NotChecked(String),
    /// An advisory concerns a crate, or a demanded check was not possible.
    Failed(String),
}

/// The result for Cargo.lock from the copy of the database.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Nothing,
    Advisories(String),
    /// The copy is missing, too old or unreadable.
    Unknown(String),
}

/// Fetches the database and checks Cargo.lock against it.
///
/// # Errors
/// When cargo-deny cannot be started.
pub fn check(cargo_deny: &Path, demand: Demand) -> Result<Verdict> {
    let mut fetch = workspace::program("timeout");
    fetch.args(["--kill-after", "5s", FETCH_LIMIT]).arg(cargo_deny);
    fetch.args(["--color", "never", "--workspace", "--locked", "fetch", "db"]);
    // Without this, git could ask for a name or a password and wait forever.
    fetch.env("GIT_TERMINAL_PROMPT", "0");
    let (is_fetched, words) = run(&mut fetch)?;
    let fetched = if is_fetched { Ok(()) } else { Err(cause(&words)) };
    let mut ask = workspace::program(cargo_deny);
    ask.args(["--color", "never", "--workspace", "--locked", "--offline"]);
    // cargo-deny's warnings concern the check itself, for example an index that cannot be reached.
    ask.args(["check", "advisories"]);
    let (is_clean, words) = run(&mut ask)?;
    Ok(judge(fetched, read(is_clean, words), demand))
}

fn judge(fetched: Result<(), String>, answer: Answer, demand: Demand) -> Verdict {
    let unknown = match (fetched, answer) {
        // An advisory in an old copy is still valid.
        (_, Answer::Advisories(words)) => return Verdict::Failed(words),
        (Ok(()), Answer::Nothing) => return Verdict::Passed,
        // The database was reached, so this error needs attention.
        (Ok(()), Answer::Unknown(why)) => {
            return Verdict::Failed(format!("advisories were not checked: {why}"));
        }
        (Err(why), Answer::Nothing) => {
            format!("advisories were NOT checked against today's database, only against an old copy: {why}")
        }
        (Err(why), Answer::Unknown(_)) => format!("advisories were NOT checked: {why}"),
    };
    match demand {
        Demand::IfReachable => Verdict::NotChecked(unknown),
        Demand::Always => Verdict::Failed(unknown),
    }
}

/// cargo-deny writes `error[vulnerability]: …` for an advisory, and `[ERROR]` when the check is not possible.
fn read(is_clean: bool, words: String) -> Answer {
    if is_clean {
        Answer::Nothing
    } else if words.lines().any(|line| line.starts_with("error[")) {
        Answer::Advisories(words)
    } else {
        Answer::Unknown(cause(&words))
    }
}

/// The last line that is not empty: cargo-deny writes the outermost error first and its cause last.
fn cause(words: &str) -> String {
    let last = words.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.unwrap_or("no answer in time").to_owned()
}

fn run(command: &mut Command) -> Result<(bool, String)> {
    let output = command.output().context("cannot start cargo-deny")?;
    let words = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&words).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_fails_the_check_and_an_unreachable_database_only_where_it_was_demanded() {
        let unreachable = || Err("could not resolve host".to_owned());
        let advisory = || Answer::Advisories("error[vulnerability]: x".to_owned());
        let unread = || Answer::Unknown("no copy".to_owned());
        let failed = |text: &str| Verdict::Failed(text.to_owned());
        for (fetched, answer, demand, expected) in [
            (Ok(()), Answer::Nothing, Demand::IfReachable, Verdict::Passed),
            (Ok(()), Answer::Nothing, Demand::Always, Verdict::Passed),
            (Ok(()), advisory(), Demand::IfReachable, failed("error[vulnerability]: x")),
            (Ok(()), advisory(), Demand::Always, failed("error[vulnerability]: x")),
            (Ok(()), unread(), Demand::IfReachable, failed("advisories were not checked: no copy")),
            (unreachable(), advisory(), Demand::IfReachable, failed("error[vulnerability]: x")),
            (
                unreachable(),
                unread(),
                Demand::IfReachable,
                Verdict::NotChecked("advisories were NOT checked: could not resolve host".to_owned()),
            ),
            (
                unreachable(),
                unread(),
                Demand::Always,
                failed("advisories were NOT checked: could not resolve host"),
            ),
        ] {
            let case = format!("{fetched:?} {answer:?} {demand:?}");
            assert_eq!(judge(fetched, answer, demand), expected, "{case}");
        }
        let old = judge(unreachable(), Answer::Nothing, Demand::IfReachable);
        assert!(matches!(old, Verdict::NotChecked(why) if why.contains("old copy")));
        let old = judge(unreachable(), Answer::Nothing, Demand::Always);
        assert!(matches!(old, Verdict::Failed(why) if why.contains("old copy")));
    }

    #[test]
    fn an_advisory_is_distinguished_from_a_database_that_could_not_be_read() {
        let advisory = "error[vulnerability]: Uncontrolled recursion\n    ┌─ Cargo.lock:1:1\n";
        assert_eq!(read(false, advisory.to_owned()), Answer::Advisories(advisory.to_owned()));
        let broken =
            "2026-01-01 00:00:00 [ERROR] failed to load advisory database\n\nCaused by:\n    no such file\n";
        assert_eq!(read(false, broken.to_owned()), Answer::Unknown("no such file".to_owned()));
        assert_eq!(read(true, "advisories ok\n".to_owned()), Answer::Nothing);
        assert_eq!(read(false, String::new()), Answer::Unknown("no answer in time".to_owned()));
    }
}

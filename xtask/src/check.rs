//! `check`: the quick checks before a commit. They need only Rust's tools, and take less than a minute after a build.

use std::process::Command;

use anyhow::Result;

use crate::checks::Checks;
use crate::{lint, workspace};

/// The crates whose unit tests need no testbed. Cargo gives their dependencies the same features as with `--workspace`,
/// so `test` and `lint` reuse the results of this build.
const CRATES: [&str; 11] = [
    "contract",
    "hostile",
    "lambda-boundary",
    "messages",
    "rotation-mq",
    "broker-user",
    "secret2eks",
    "dlq-handler",
    "rotation-watch",
    "secops",
    "xtask",
];

/// Runs the quick checks.
///
/// # Errors
/// At the end when a check failed.
pub fn run() -> Result<()> {
    let mut checks = Checks::default();
    lint::rules(&mut checks)?;
    lint::rustfmt(&mut checks);
    lint::clippy(&mut checks);
    checks.command("unit tests", &mut unit_tests(), "`cargo test --package CRATE NAME` repeats one alone");
    checks.verdict()
}

fn unit_tests() -> Command {
    let mut test = workspace::cargo();
    test.args(["test", "--locked", "--lib", "--bins", "--no-fail-fast"]);
    for name in CRATES {
        test.args(["--package", name]);
    }
    test
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::FUNCTIONS;

    #[test]
    fn the_unit_tests_of_each_function_are_run_and_no_others() {
        let command = unit_tests();
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        for expected in FUNCTIONS.into_iter().chain(["contract", "--lib", "--bins"]) {
            assert!(arguments.iter().any(|argument| argument == expected), "{expected}: {arguments:?}");
        }
        assert!(!arguments.iter().any(|argument| argument == "testbed" || argument == "--workspace"));
    }
}

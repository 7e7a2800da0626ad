//! `conformance`: builds what a run needs, then starts its program.

use std::path::PathBuf;

use anyhow::Result;

use crate::{apt, package, pass_through, step, workspace};

const PROGRAM: &str = "target/debug/conformance";
/// The judge that runs the probe on Lambda.
const ACCOUNT: &str = "account";
/// Options that ask an account for an earlier run.
const EARLIER: [&str; 2] = ["--collect", "--cleanup"];

/// Asks the judges. It needs neither a broker nor Kubernetes.
///
/// # Errors
/// When a part cannot be installed or built, or the program cannot be started.
pub fn run(arguments: &[String]) -> Result<()> {
    apt::ensure(&apt::EMULATOR)?;
    let mut build = workspace::cargo();
    build.args(["build", "--package", "conformance"]);
    step::quiet("build the program and its probe", &mut build, "fix the error above")?;
    let mut program = workspace::unowned(workspace::root().join(PROGRAM));
    if needs_lambda(arguments) {
        let (probe, architecture): (PathBuf, _) = package::probe()?;
        program.env("CONFORMANCE_PROBE", probe).env("CONFORMANCE_ARCHITECTURE", architecture.name());
    }
    step::become_it(program.args(arguments))
}

/// Only a new run of an account deploys the probe there.
fn needs_lambda(arguments: &[String]) -> bool {
    let is_earlier = EARLIER.iter().any(|option| !pass_through::values(arguments, option).is_empty());
    !is_earlier && pass_through::values(arguments, "--target").contains(&ACCOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_is_built_for_lambda_only_for_a_new_run_of_an_account() {
        for (line, expected) in [
            ("--target account", true),
            ("--target=moto --target=account --keep", true),
            ("--target moto", false),
            ("--target account --cleanup 20261129-092512", false),
            ("", false),
        ] {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(needs_lambda(&words), expected, "{line}");
        }
    }
}

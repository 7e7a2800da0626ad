//! `lint`: every check that needs no testbed. It runs all checks, also after one failed.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::advisories::{self, Demand};
use crate::checks::Checks;
use crate::{
    apt, cargo_tool, dependency_rules, docs, feature_rules, network_rules, playbook_rules, policy_rules,
    python, template, template_rules, workspace,
};

/// Runs all checks, the quick ones first.
///
/// # Errors
/// When a tool cannot be installed, or at the end when a check failed.
pub fn run(demand: Demand) -> Result<()> {
    apt::ensure(&[apt::SHELLCHECK])?;
    let python = python::programs(&python::LINT)?;
    let deny = cargo_tool::program(&cargo_tool::DENY)?;

    let mut checks = Checks::default();
    rules(&mut checks)?;
    checks.rule("one set of features for the functions and the tests", &feature_rules::violations()?);
    rustfmt(&mut checks);
    docs::book(&mut checks)?;
    checks.command(
        "shellcheck",
        workspace::program("shellcheck").args(shell_scripts()?),
        "fix the reported lines; shellcheck's wiki explains each code",
    );
    let ruff = python.join("ruff");
    let fix = format!("{} check --fix && {0} format", short(&ruff));
    checks.command("ruff check", &mut ruff_command(&ruff, &["check"]), &fix);
    checks.command("ruff format", &mut ruff_command(&ruff, &["format", "--check"]), &fix);
    templates(&mut checks, &python)?;
    checks.command(
        "cargo deny",
        workspace::program(&deny)
            .args(["--workspace", "--locked", "check", "--deny", "warnings"])
            .args(["bans", "licenses", "sources"]),
        "replace the dependency, or add it to deny.toml with a reason",
    );
    checks.advisories(advisories::check(&deny, demand)?);
    clippy(&mut checks);
    checks.command(
        "rustdoc",
        workspace::cargo()
            .args(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
        "fix the doc comment",
    );
    checks.verdict()
}

/// Checks the project's own rules, which need no tool.
///
/// # Errors
/// When a file cannot be read.
pub fn rules(checks: &mut Checks) -> Result<()> {
    checks.rule("dependency rules", &dependency_rules::violations()?);
    checks.rule("the template's key policy", &template_rules::violations()?);
    checks.rule("an endpoint for each service that the functions call", &network_rules::violations()?);
    checks.rule("the tags that tenants must not set", &policy_rules::violations()?);
    checks.rule("a playbook for each kind of failure", &playbook_rules::violations()?);
    docs::rules(checks)
}

pub fn rustfmt(checks: &mut Checks) {
    checks.command(
        "rustfmt",
        workspace::cargo().args(["fmt", "--check", "--", "--color", "never"]),
        "cargo fmt",
    );
}

pub fn clippy(checks: &mut Checks) {
    checks.command(
        "clippy",
        workspace::cargo()
            .args(["clippy", "--workspace", "--all-targets", "--locked", "--"])
            .args(["--deny", "warnings"]),
        "fix the code; an exemption is `#[expect(..., reason = \"...\")]`",
    );
}

fn templates(checks: &mut Checks, python: &Path) -> Result<()> {
    let templates = template::all()?;
    checks.command(
        "cfn-lint",
        workspace::program(python.join("cfn-lint")).args(&templates),
        "fix the template; `cfn-lint --info` says more",
    );
    for template in &templates {
        checks.command(
            &format!("sam validate {template}"),
            workspace::program(python.join("sam"))
                .args(["validate", "--lint", "--template", template])
                .env("SAM_CLI_TELEMETRY", "0")
                // sam validates locally, but requires a region.
                .env("AWS_DEFAULT_REGION", "eu-central-1"),
            "fix the template",
        );
    }
    Ok(())
}

fn ruff_command(ruff: &Path, arguments: &[&str]) -> Command {
    let mut command = workspace::program(ruff);
    command.args(arguments).env("RUFF_CACHE_DIR", workspace::tools().join("ruff-cache"));
    command
}

/// `.ci/run` and every `*.sh` that git tracks or would add.
fn shell_scripts() -> Result<Vec<String>> {
    workspace::files(&["*.sh", ".ci/run", "bench/peer/bootstrap"])
}

fn short(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}

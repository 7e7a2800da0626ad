//! `cdk`: synthesizes `examples/cdk` with the AWS CDK, and deploys the templates into the testbed.
//!
//! Everything is in `target/cdk`: a copy of the example, its packages, npm's cache and the templates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{apt, step, testbed, workspace};

const EXAMPLE: &str = "examples/cdk";
/// The file that pins each package with its hash.
const LOCK: &str = "package-lock.json";
/// The template of the stack in `app.ts`.
const TEMPLATE: &str = "payment-secret.template.json";
/// The oldest major version of Node.js that aws-cdk-lib supports (`engines` in its package.json).
const OLDEST: u32 = 20;
/// The context of each template, and the folder that CDK writes it to. Deleting the stack of the second also deletes the
/// secret and the users.
const KEPT: (&str, &str) = (r#"{"keep":"true"}"#, "cdk.out");
const REMOVED: (&str, &str) = (r#"{"keep":"false"}"#, "cdk.out-keep-false");

/// Synthesizes the templates. Then starts the testbed's program, which deploys them.
///
/// # Errors
/// When Node.js or a package cannot be installed, or the example does not compile.
pub fn run() -> Result<()> {
    apt::ensure(&apt::NODE)?;
    check_version(&workspace::output(workspace::program("node").arg("--version"))?)?;
    let folder = workspace::target().join("cdk");
    copy_example(&folder)?;
    install_packages(&folder)?;
    step::quiet("compile examples/cdk", &mut compile_command(&folder), "fix the reported lines")?;
    let kept = synthesize(&folder, KEPT)?;
    let removed = synthesize(&folder, REMOVED)?;
    eprintln!("the template: {}", kept.display());
    testbed::application(&kept, &removed)
}

/// The copy keeps packages and compiled files out of the sources.
fn copy_example(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for file in workspace::files(&[EXAMPLE])? {
        let from = workspace::root().join(&file);
        let name = from.file_name().with_context(|| format!("{file} has no name"))?;
        fs::copy(&from, folder.join(name)).with_context(|| format!("cannot copy {file}"))?;
    }
    Ok(())
}

/// Installs the packages of the lock file, unless they are installed already.
fn install_packages(folder: &Path) -> Result<()> {
    let lock = workspace::read(&format!("{EXAMPLE}/{LOCK}"))?;
    // Written last, and `npm ci` removes the folder first. So an interrupted installation does not count as finished.
    let stamp = folder.join("node_modules/installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    step::quiet(
        "install aws-cdk-lib, constructs and typescript (in target/cdk, to synthesize examples/cdk)",
        &mut install_command(folder),
        "check that npm reaches a registry, then repeat the command",
    )?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// No package runs a script, and npm writes nothing outside of the folder.
fn install_command(folder: &Path) -> Command {
    let mut install = workspace::program("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--cache"]);
    install.arg(folder.join("npm-cache")).current_dir(folder);
    install
}

fn compile_command(folder: &Path) -> Command {
    let mut compile = workspace::program("node");
    compile.arg("node_modules/typescript/bin/tsc").current_dir(folder);
    compile
}

/// Writes the template with that context, and returns its path. This needs neither an account nor the network.
fn synthesize(folder: &Path, (context, name): (&str, &str)) -> Result<PathBuf> {
    let out = folder.join(name);
    let template = out.join(TEMPLATE);
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("cannot remove {}", out.display()))?;
    }
    let mut synthesize = workspace::program("node");
    // The variables with which CDK's own command calls an app.
    synthesize.arg("app.js").env("CDK_CONTEXT_JSON", context).env("CDK_OUTDIR", &out).current_dir(folder);
    step::quiet(&format!("synthesize target/cdk/{name}"), &mut synthesize, "fix examples/cdk")?;
    if !template.is_file() {
        bail!("{} is missing: has the name of the stack in examples/cdk/app.ts changed?", template.display());
    }
    Ok(template)
}

fn check_version(answer: &str) -> Result<()> {
    match major(answer) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => bail!(
            "Node.js {} is too old for aws-cdk-lib: install version {OLDEST} or later, then repeat the command",
            answer.trim()
        ),
    }
}

/// The first number of `v20.19.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_version_of_node_is_refused() {
        for (answer, expected) in
            [("v20.19.2\n", true), ("v24.0.0\n", true), ("v18.19.0\n", false), ("", false), ("20\n", false)]
        {
            assert_eq!(check_version(answer).is_ok(), expected, "{answer}");
        }
    }

    #[test]
    fn npm_runs_no_script_and_has_its_cache_in_the_folder() {
        let command = install_command(Path::new("/target/cdk"));
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        for expected in ["ci", "--ignore-scripts", "/target/cdk/npm-cache"] {
            assert!(arguments.iter().any(|argument| argument == expected), "{expected}: {arguments:?}");
        }
        assert_eq!(command.get_current_dir(), Some(Path::new("/target/cdk")));
    }

    #[test]
    fn the_lock_file_pins_each_package_and_names_no_registry() -> Result<()> {
        let lock = workspace::read(&format!("{EXAMPLE}/{LOCK}"))?;
        let installed = lock.matches("\"node_modules/").count();
        let bundled = lock.matches("\"inBundle\": true").count();
        assert_eq!(lock.matches("\"integrity\": ").count(), installed - bundled);
        assert!(!lock.contains("\"resolved\""));
        Ok(())
    }
}

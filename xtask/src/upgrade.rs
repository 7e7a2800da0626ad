//! The functions and the template of an older commit, from which `tests/end_to_end/upgrade.rs` updates a stack.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::{history, package, step, workspace};

/// The last commit of version 0.1; also in the test.
const COMMIT: &str = "218ad35ae289fc50a9c631f7e654b5aec51b0bf7";

/// What only later functions say.
const LATER: &[u8] = b"pair.taken";
/// The crates of the commit that go into its functions.
const CRATES: [&str; 7] =
    ["contract", "lambda-boundary", "messages", "rotation-mq", "secret2eks", "dlq-handler", "rotation-watch"];

/// Builds the functions of [`COMMIT`] from the repository's own history, unless that was done before.
///
/// Cargo builds them into this repository's target folder, so that dependencies of the same version are not compiled twice.
/// Cargo does not tell a workspace's crates from those of another workspace by their folder: it takes today's for the old
/// ones, if no file is newer. So the old ones get a profile of their own, which is a part of what cargo tells them by. Only
/// the programs in `target/debug` have the same names: today's are built after this, and cargo puts those back.
///
/// # Errors
/// When the history is missing, or the commit does not compile.
pub fn prepare() -> Result<()> {
    let short = COMMIT.get(..7).unwrap_or(COMMIT);
    let folder = workspace::target().join("upgrade").join(short);
    let source = folder.join("source");
    let programs: Vec<PathBuf> = package::FUNCTIONS.iter().map(|name| folder.join(name)).collect();
    if programs.iter().all(|program| program.is_file()) && source.join("infra/template.yaml").is_file() {
        return Ok(());
    }
    check_out(&source)?;
    let mut build = workspace::cargo();
    build.current_dir(&source).args(["build", "--locked", "--target-dir"]).arg(workspace::target());
    for name in CRATES {
        build.arg("--config").arg(format!("profile.dev.package.{name}.debug=false"));
    }
    // The same selection of packages as today's build has the same features of dependencies. What is `command-line` today
    // was a part of `testbed` in that commit.
    build.args(["--package", "testbed", "--package", "cookie-store"]);
    for function in package::FUNCTIONS {
        build.args(["--package", function, "--bin", function]);
    }
    let what = format!("build the functions of {short}, from which a test updates a stack");
    step::long(
        &what,
        Duration::from_mins(5),
        &mut build,
        "the output names what is missing; then repeat the command",
    )?;
    for (function, program) in package::FUNCTIONS.iter().zip(&programs) {
        let built = workspace::target().join("debug").join(function);
        let bytes = fs::read(&built).with_context(|| format!("{} was not built", built.display()))?;
        if bytes.windows(LATER.len()).any(|window| window == LATER) {
            bail!("{} is not of {short}: cargo took a later build for it", built.display());
        }
        // A copy: cargo replaces its own. Under its name only when it is whole.
        let partial = program.with_extension("partial");
        fs::copy(&built, &partial).with_context(|| format!("cannot write {}", partial.display()))?;
        fs::rename(&partial, program).with_context(|| format!("cannot write {}", program.display()))?;
    }
    Ok(())
}

/// The commit's files, below `folder`.
fn check_out(folder: &Path) -> Result<()> {
    let mut ask = workspace::program("git");
    ask.args(["cat-file", "-e", &format!("{COMMIT}^{{commit}}")]).stderr(Stdio::null());
    if !ask.status().context("git cannot be started")?.success() {
        bail!(
            "commit {COMMIT} is not in this clone, but a test updates a stack from it\n  next: git fetch --unshallow"
        );
    }
    history::check_out(COMMIT, folder)
}

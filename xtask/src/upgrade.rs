//! Builds the functions of an older commit. `tests/end_to_end/upgrade.rs` updates a stack from this commit.

mod same_features;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::{history, step, workspace};

/// The last commit of version 0.1. The test names it, too.
const COMMIT: &str = "218ad35ae289fc50a9c631f7e654b5aec51b0bf7";

/// The functions of that version.
const FUNCTIONS: [&str; 4] = ["rotation-mq", "secret2eks", "dlq-handler", "rotation-watch"];
/// A text that only later functions contain.
const LATER: &[u8] = b"pair.taken";
/// The crates of the commit that its functions consist of.
const CRATES: [&str; 7] =
    ["contract", "lambda-boundary", "messages", "rotation-mq", "secret2eks", "dlq-handler", "rotation-watch"];

/// Builds the functions of [`COMMIT`] from the repository's history, unless they are built already.
///
/// Cargo builds them in this repository's target folder, so that dependencies of the same version are not compiled twice.
/// Cargo does not distinguish the crates of two workspaces by their folders: it would use today's crates for the old ones
/// if no file is newer. So the old crates get a different profile, which cargo does distinguish. The programs in
/// `target/debug` have the same names. Today's programs are built afterwards, and cargo replaces the old ones.
///
/// # Errors
/// When the history is missing, or the commit does not compile.
pub fn prepare() -> Result<()> {
    let short = COMMIT.get(..7).unwrap_or(COMMIT);
    let folder = workspace::target().join("upgrade").join(short);
    let source = folder.join("source");
    let programs: Vec<PathBuf> = FUNCTIONS.iter().map(|name| folder.join(name)).collect();
    if programs.iter().all(|program| program.is_file()) && source.join("infra/template.yaml").is_file() {
        return Ok(());
    }
    check_out(&source)?;
    same_features::add(&source)?;
    let mut build = workspace::cargo();
    build.current_dir(&source).args(["build", "--target-dir"]).arg(workspace::target());
    for name in CRATES {
        build.arg("--config").arg(format!("profile.dev.package.{name}.debug=false"));
    }
    build.args(["--package", same_features::CRATE]);
    for function in FUNCTIONS {
        build.args(["--package", function, "--bin", function]);
    }
    let what = format!("build the functions of {short}, from which a test updates a stack");
    step::long(
        &what,
        Duration::from_mins(5),
        &mut build,
        "fix the error in the output, then repeat the command",
    )?;
    for (function, program) in FUNCTIONS.iter().zip(&programs) {
        let built = workspace::target().join("debug").join(function);
        let bytes = fs::read(&built).with_context(|| format!("{} was not built", built.display()))?;
        if bytes.windows(LATER.len()).any(|window| window == LATER) {
            bail!("{} is not of {short}: cargo used a later build", built.display());
        }
        // Copy the program, because cargo replaces it later. The copy gets its final name when it is complete.
        let partial = program.with_extension("partial");
        fs::copy(&built, &partial).with_context(|| format!("cannot write {}", partial.display()))?;
        fs::rename(&partial, program).with_context(|| format!("cannot write {}", program.display()))?;
    }
    Ok(())
}

/// Writes the files of the commit to `folder`.
fn check_out(folder: &Path) -> Result<()> {
    let mut ask = workspace::program("git");
    ask.args(["cat-file", "-e", &format!("{COMMIT}^{{commit}}")]).stderr(Stdio::null());
    if !ask.status().context("cannot start git")?.success() {
        bail!(
            "commit {COMMIT} is not in this clone, but a test updates a stack from it\n  next: run `git fetch --unshallow`"
        );
    }
    history::check_out(COMMIT, folder)
}

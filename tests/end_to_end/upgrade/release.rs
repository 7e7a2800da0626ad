//! Version 0.1, which `cargo xtask test` builds.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use testbed::cloud::{Functions, Release, workspace};

/// The last commit of version 0.1. `xtask/src/upgrade.rs` names it, too.
const COMMIT: &str = "218ad35";

/// The template and the functions of version 0.1.
///
/// # Errors
/// When they were not built. The message names the command.
pub fn of_0_1() -> Result<Release> {
    let folder = workspace().join("target/upgrade").join(COMMIT);
    match Functions::of_0_1_in(&folder) {
        Ok(functions) => Ok(Release { template: folder.join("source/infra/template.yaml"), functions }),
        Err(_) => bail!("{} is not built: {}", relative(&folder), how_to_build()),
    }
}

fn how_to_build() -> &'static str {
    let known = ["cat-file", "-e"];
    let commit = format!("{COMMIT}^{{commit}}");
    let asked = Command::new("git").arg("-C").arg(workspace()).args(known).arg(commit).output();
    if asked.is_ok_and(|answer| answer.status.success()) {
        "`cargo xtask test` builds it from the repository's history"
    } else {
        "its commit is not in this clone; say `git fetch --unshallow`, then `cargo xtask test`, which builds it"
    }
}

fn relative(folder: &Path) -> String {
    folder.strip_prefix(workspace()).unwrap_or(folder).display().to_string()
}

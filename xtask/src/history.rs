//! The files of a commit, outside the working tree.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::workspace;

/// Clears `folder`, then writes the files of a commit into it.
///
/// # Errors
/// When git does not know the commit, or the files cannot be written.
pub fn check_out(commit: &str, folder: &Path) -> Result<()> {
    clear(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let archive = folder.with_extension("tar");
    let mut pack = workspace::program("git");
    pack.args(["archive", "--format=tar", "-o"]).arg(&archive).arg(commit);
    let mut unpack = workspace::program("tar");
    unpack.arg("-xf").arg(&archive).arg("-C").arg(folder);
    for command in [&mut pack, &mut unpack] {
        workspace::output(command).context("cannot read the files of the commit")?;
    }
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))
}

/// Removes a folder if it exists.
///
/// # Errors
/// When it cannot be removed.
pub fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    Ok(())
}

//! Folders, runs and programs of these tests.

#![allow(dead_code, reason = "each test program uses a part")]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use conformance::clock;
use conformance::manifest::Manifest;
use conformance::run::Run;
use conformance::secret::VALUE;

/// The Python environments of the testbed.
pub fn tools() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().context("no target folder")?.join("testbed"))
}

/// A folder of this test program, empty at first.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{name}"));
    // The folder of the last run.
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

pub fn manifest(name: &str) -> Result<Manifest> {
    Manifest::in_folder(&folder(&format!("{name}-run")))
}

pub fn run(part: &str) -> Result<Run> {
    Run::start(clock::now(), part, false)
}

pub fn probe() -> PathBuf {
    env!("CARGO_BIN_EXE_conformance-probe").into()
}

/// No file that a run leaves has a value of a secret.
pub fn no_value_below(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            no_value_below(&path)?;
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        ensure!(!text.contains(VALUE), "{} has a value of a secret", path.display());
    }
    Ok(())
}

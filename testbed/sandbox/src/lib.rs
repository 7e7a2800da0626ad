//! The basis of every part of the testbed: child processes that never outlive it, loopback ports that no other process
//! takes, a folder for each run, and certificates.

pub mod background;
pub mod certificates;
pub mod ports;
pub mod process;
pub mod scratch;

use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}

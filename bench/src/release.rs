//! The release builds, which `cargo xtask bench` makes: the functions, and the empty function to compare them with.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use testbed::cloud::workspace;

/// The builds to measure.
#[derive(Debug, Clone)]
pub struct Release {
    /// The folder that cargo-lambda builds into.
    folder: PathBuf,
    /// The size of the zip of rotation-mq.
    pub zip_bytes: u64,
}

impl Release {
    /// Finds the builds.
    ///
    /// # Errors
    /// When one is missing.
    pub fn find() -> Result<Self> {
        let target = workspace().join("target");
        let zip = target.join(format!("package/rotation-mq-{}.zip", architecture()));
        let mut found = Self { folder: target.join("lambda"), zip_bytes: 0 };
        for file in [&found.program("rotation-mq"), &found.program("empty-function"), &zip] {
            if !file.is_file() {
                let file = file.strip_prefix(workspace()).unwrap_or(file);
                bail!("{} is missing: `cargo xtask bench` builds it", file.display());
            }
        }
        found.zip_bytes = std::fs::metadata(&zip)?.len();
        Ok(found)
    }

    /// The folder with a folder for each function.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program of a function.
    #[must_use]
    pub fn program(&self, function: &str) -> PathBuf {
        self.folder.join(function).join("bootstrap")
    }
}

/// As Lambda names it.
fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

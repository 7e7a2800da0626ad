//! The release builds: rotation-mq, which `cargo xtask bench` builds, and the empty function to compare it with.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use testbed::cloud::workspace;
use testbed::process::{Options, Process};

use crate::commands::relative;

/// The builds to measure.
pub struct Release {
    pub rotation_mq: PathBuf,
    pub empty_function: PathBuf,
    pub zip_bytes: u64,
}

impl Release {
    /// # Errors
    /// When rotation-mq was not built for release.
    pub fn find() -> Result<Self> {
        let target = workspace().join("target");
        let program = |name: &str| target.join("lambda").join(name).join("bootstrap");
        let zip = target.join(format!("package/rotation-mq-{}.zip", architecture()));
        let (rotation_mq, empty_function) = (program("rotation-mq"), program("empty-function"));
        for file in [&rotation_mq, &zip] {
            if !file.is_file() {
                bail!("{} is missing: `cargo xtask bench` builds it", relative(file).display());
            }
        }
        Ok(Self { rotation_mq, empty_function, zip_bytes: std::fs::metadata(&zip)?.len() })
    }

    /// Builds the empty function as `cargo xtask package` builds rotation-mq: with cargo-lambda and the release profile.
    /// One call builds both, so that they share every dependency. rotation-mq itself is not built again.
    ///
    /// # Errors
    /// When cargo-lambda is missing or fails.
    pub fn build_empty_function(&self) -> Result<()> {
        let target = workspace().join("target");
        let programs = target.join("tools/lambda/bin");
        let cargo_lambda = programs.join("cargo-lambda");
        if !cargo_lambda.is_file() {
            bail!("{} is missing: `cargo xtask bench` installs it", relative(&cargo_lambda).display());
        }
        let mut build = Command::new(cargo_lambda);
        build.current_dir(workspace());
        build.args(["lambda", "build", "--release", "--target"]);
        build.arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
        build.arg("--lambda-dir").arg(target.join("lambda"));
        build.args(["--package", "rotation-mq", "--package", "empty-function"]);
        // cargo-lambda finds zig in PATH. zig uses the same caches as the other build.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [programs].into_iter().chain(std::env::split_paths(&path));
        build.env("PATH", std::env::join_paths(path)?);
        let cache = target.join("tools/zig-cache");
        for variable in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR", "CARGO_ZIGBUILD_CACHE_DIR"] {
            build.env(variable, &cache);
        }
        let log = target.join("testbed/empty-function.log");
        let _ = std::fs::remove_file(&log);
        // So that cargo and rustc end with this program.
        let options = Options { own_pid_namespace: true, ..Options::default() };
        let mut build = Process::start_with("cargo lambda build", &build, &log, options)?;
        let status = build.wait()?;
        if !status.success() {
            bail!("the empty function was not built ({status}):\n{}", build.log_tail());
        }
        Ok(())
    }
}

/// As Lambda names it.
fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

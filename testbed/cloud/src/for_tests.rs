//! A cloud for the tests of one process.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aws::Options;
use broker::Suite;
use sandbox::scratch;

use crate::cloud::{Cloud, Functions, Parts, workspace};

/// The folder of the programs that cargo built, from the test's own program.
///
/// # Errors
/// When the test's own program cannot be found.
pub fn programs() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(2).context("the test program has no folder")?.to_owned())
}

/// Starts a cloud with all its parts, in a folder whose name begins with `name`.
///
/// # Errors
/// When a part is missing or does not start.
pub async fn start_cloud(name: &str) -> Result<Cloud> {
    let functions = Functions::built_in(&programs()?)?;
    let suite = Suite::from_environment()?;
    let parts =
        tokio::task::spawn_blocking(move || Parts::install(suite, functions, true, &report)).await??;
    let folder = scratch::folder(&workspace().join("target/testbed/runs"), name)?;
    Cloud::start(&parts, &folder, Options::default(), &[("CallTimeoutSeconds", "4")]).await
}

#[expect(clippy::print_stderr, reason = "installing takes long, and the person who waits should know why")]
fn report(progress: &str) {
    eprintln!("{progress}");
}

//! Our emulator as a judge. It is started without its control endpoints, so a row can use only what AWS has, too.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use aws::{Aws, Options};

use crate::cli::Cli;
use crate::manifest::Manifest;
use crate::run::Run;
use crate::target::{Judge, Target};

/// The variable of `testbed/aws/launcher/control.py`.
const WITHOUT_CONTROL: (&str, &str) = ("TESTBED_CONTROL", "off");

/// Starts the emulator, which writes below `folder`. It ends when it is dropped.
///
/// # Errors
/// When it cannot be installed or started.
pub async fn start(tools: &Path, folder: &Path) -> Result<Aws> {
    let python = Aws::install(tools, &|_| ())?;
    let environment = vec![(WITHOUT_CONTROL.0.to_owned(), WITHOUT_CONTROL.1.to_owned())];
    let retry = Duration::from_millis(20);
    Aws::start(&python, folder, Options { environment, asynchronous_retry: retry, ..Options::default() })
        .await
}

/// The judge.
///
/// # Errors
/// When its folder cannot be made.
pub async fn target(aws: &Aws, run: Run, manifest: Manifest) -> Result<Target> {
    let config = aws.sdk_config().await;
    let cli = Cli::new(aws.cli().get_program().into(), manifest.folder().to_owned(), config.clone());
    let mut target = Target::new(Judge::Emulator, run, aws.account(), config, manifest)?;
    target.cli = Some(cli);
    Ok(target)
}

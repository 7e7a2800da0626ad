//! `cargo xtask conformance`: asks the rows of the emulator's contract of a judge.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use conformance::arguments::Arguments;
use conformance::program::{self, End, Interrupted, Programs};
use tokio::signal::unix::{SignalKind, signal};

/// The run failed, or a row was contradicted.
const FAILED: u8 = 1;
/// The exit code that shells report after Ctrl-C.
const INTERRUPTED: u8 = 130;
/// The folder and the architecture of the probe that `cargo xtask` has built for Lambda.
const FOR_LAMBDA: &str = "CONFORMANCE_PROBE";
const ARCHITECTURE: &str = "CONFORMANCE_ARCHITECTURE";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("conformance: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let programs = programs()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let stop = async {
            // It is first polled when there may be something to delete. Before, as at the question for the account, and
            // with --cleanup and --collect, a signal ends the program as usual.
            let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
                return std::future::pending().await;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            say("\ninterrupted: deleting what the run has made. A second Ctrl-C does not stop this; `--cleanup RUN` repeats it");
        };
        match program::run(arguments, &programs, &say, stop).await {
            Ok(End::Held) => Ok(ExitCode::SUCCESS),
            Ok(End::Failed) => Ok(ExitCode::from(FAILED)),
            Err(error) if error.is::<Interrupted>() => Ok(ExitCode::from(INTERRUPTED)),
            Err(error) => Err(error),
        }
    });
    runtime.shutdown_background();
    outcome
}

/// The probe beside this program, and the one for Lambda if xtask has built it.
fn programs() -> Result<Programs> {
    let own = std::env::current_exe().context("cannot find the path of this program")?;
    let folder = own.parent().context("this program has no folder")?;
    let for_lambda = std::env::var_os(FOR_LAMBDA).map(|path| {
        let architecture = std::env::var_os(ARCHITECTURE).unwrap_or_default().to_string_lossy().into_owned();
        (PathBuf::from(path), architecture)
    });
    let tools = sandbox::workspace().join("target/testbed");
    Ok(Programs { probe: folder.join("conformance-probe"), for_lambda, tools })
}

/// A closed pipe is no failure: the run must still clean up.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

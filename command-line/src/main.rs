//! The testbed as a program. `cargo xtask` builds and calls it.

mod commands;

use std::process::ExitCode;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::arguments::{self, Command, Usage};
use crate::commands::report::{Verdict, complain};
use crate::commands::{bench, demo, install, prove, up, zero_loss};

/// Something failed, or a check did not hold.
const FAILED: u8 = 1;
/// As most programs answer a wrong call.
const WRONG_CALL: u8 = 2;
/// Nothing failed, but `prove` has pieces left.
const UNFINISHED: u8 = 3;
/// As shells report an end by Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let mut given: Vec<&str> = given.iter().map(String::as_str).collect();
    // For `cargo xtask`, which has this broker made ready first: the suite that the rest would start.
    let only_its_suite = given.first() == Some(&"suite-of");
    if only_its_suite {
        given.remove(0);
    }
    let command = match arguments::parse(&given) {
        Ok(command) => command,
        Err(Usage { problem: None, text }) => {
            commands::report::say(&text);
            return ExitCode::SUCCESS;
        }
        Err(Usage { problem: Some(problem), text }) => {
            complain(&format!("testbed: {problem}\n\n{text}"));
            return ExitCode::from(WRONG_CALL);
        }
    };
    let outcome = if only_its_suite { tell_suite(command) } else { run(command) };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("testbed: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

fn tell_suite(command: Command) -> Result<ExitCode> {
    commands::report::say(command.suite()?.name());
    Ok(ExitCode::SUCCESS)
}

fn run(command: Command) -> Result<ExitCode> {
    let Command::Install(suite) = command else {
        return run_a_cloud(command);
    };
    install::run(suite)?;
    Ok(ExitCode::SUCCESS)
}

/// Dropping the command's future is what ends its cloud, so a signal must not end this process first.
fn run_a_cloud(command: Command) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stays_up = matches!(command, Command::Up { .. });
        let stop = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        let work = async {
            match command {
                Command::Install(_) => Ok(Verdict::Held),
                Command::Demo { scenario, suite, kubernetes } => {
                    demo::run(scenario, suite, kubernetes).await.map(Verdict::from)
                }
                Command::Up { suite, port } => up::run(suite, port).await.map(Verdict::from),
                Command::ZeroLoss { suite, short } => zero_loss::run(suite, short).await.map(Verdict::from),
                Command::Prove(proof) => prove::run(&proof).await,
                Command::Bench { rotations, starts, secrets } => {
                    bench::run(rotations, starts, secrets).await.map(Verdict::from)
                }
            }
        };
        tokio::select! {
            verdict = work => Ok(match verdict? {
                Verdict::Held => ExitCode::SUCCESS,
                Verdict::Failed => ExitCode::from(FAILED),
                Verdict::Unfinished => ExitCode::from(UNFINISHED),
            }),
            () = stop => {
                complain("\nended: everything that was started has been stopped, its files are removed");
                Ok(if stays_up { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
            }
        }
    });
    // Not waited for: an installation that was interrupted ends with this process.
    runtime.shutdown_background();
    outcome
}

//! The testbed as a program. `cargo xtask` builds and calls it.

mod commands;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::arguments::{Arguments, Command};
use crate::commands::report::{Verdict, complain};
use crate::commands::{application, bench, clients, demo, install, prove, up, zero_loss};

/// An error occurred, or a check failed.
const FAILED: u8 = 1;
/// Nothing failed, but `prove` has pieces left to run.
const UNFINISHED: u8 = 3;
/// The exit code that shells report after Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // If the arguments are wrong, this prints the error and exits.
    let command = Arguments::parse().command;
    match run(command) {
        Ok(code) => code,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(wrong_call) => wrong_call.exit(),
            Err(error) => {
                complain(&format!("testbed: {error:#}"));
                ExitCode::from(FAILED)
            }
        },
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let Command::Install(broker) = command else {
        return run_a_cloud(command);
    };
    install::run(broker.suite()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that starts an environment. Dropping the command's future stops the environment, so a signal must not
/// end this process first.
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
                Command::Application(wanted) => {
                    let suite = wanted.broker.suite()?;
                    application::run(suite, &wanted.kept, &wanted.removed).await.map(Verdict::from)
                }
                Command::Demo(demo) => {
                    let (suite, with_kubernetes) = (demo.broker.suite()?, demo.with_kubernetes()?);
                    demo::run(demo.scenario(), suite, with_kubernetes).await.map(Verdict::from)
                }
                Command::Up(up) => up::run(up.broker.suite()?, up.port).await.map(Verdict::from),
                Command::ZeroLoss(plan) => {
                    zero_loss::run(plan.broker.suite()?, plan.short).await.map(Verdict::from)
                }
                Command::Clients(wanted) => {
                    let (suite, chosen) = (wanted.broker.suite()?, wanted.chosen());
                    clients::run(suite, &chosen, wanted.short).await.map(Verdict::from)
                }
                Command::Prove(prove) => prove::run(&prove.proof()?).await,
                Command::Bench(wanted) => bench::run(&wanted).await.map(Verdict::from),
            }
        };
        tokio::select! {
            verdict = work => Ok(match verdict? {
                Verdict::Held => ExitCode::SUCCESS,
                Verdict::Failed => ExitCode::from(FAILED),
                Verdict::Unfinished => ExitCode::from(UNFINISHED),
            }),
            () = stop => {
                complain("\nstopped: all programs were stopped and all files removed");
                Ok(if stays_up { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
            }
        }
    });
    // Do not wait: an interrupted installation ends with this process.
    runtime.shutdown_background();
    outcome
}

//! The program `secops`.

use std::process::ExitCode;

use clap::Parser as _;
use secops::arguments::Arguments;
use secops::context::Surroundings;

fn main() -> ExitCode {
    // If the call is wrong, this prints why and exits with 2.
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return secops::failed(&error.into()),
    };
    let code = runtime.block_on(secops::run(arguments, surroundings()));
    // A question that was interrupted still waits for its answer.
    runtime.shutdown_background();
    code
}

#[expect(clippy::disallowed_methods, reason = "the environment and the clock are read here alone")]
fn surroundings() -> Surroundings {
    Surroundings { variable: |name| std::env::var(name).ok(), now: jiff::Timestamp::now }
}

//! What the `main` of every function does: it starts and serves events, or reports why it cannot.

use std::process::ExitCode;

use contract::Kind;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

use crate::environment::{ConfigError, Environment};
use crate::logging::init_logging;
use crate::metrics::init_metrics;

/// Starts the log and the metrics of the function whose crate is `function_crate`, and returns its environment.
#[must_use]
pub fn start(function_crate: &'static str) -> Environment {
    init_logging(function_crate);
    let environment = Environment::of_the_process();
    init_metrics(environment.optional("METRIC_NAMESPACE"));
    environment
}

/// Serves events with `handle` until Lambda ends the process.
pub async fn serve<Answer>(handle: impl Fn(LambdaEvent<Value>) -> Answer) -> ExitCode
where
    Answer: Future<Output = Result<Value, Diagnostic>>,
{
    match lambda_runtime::run(service_fn(handle)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cannot_start(&error),
    }
}

/// Logs that the configuration is wrong. Returns the exit code for a function that ends then.
pub fn wrong_configuration(error: &ConfigError) -> ExitCode {
    tracing::error!(kind = Kind::ConfigurationInvalid.as_str(), "{error}");
    ExitCode::FAILURE
}

/// Logs why a function does not serve events.
pub fn cannot_start(error: &lambda_runtime::Error) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}

/// The present time, which a function passes on as an argument.
#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

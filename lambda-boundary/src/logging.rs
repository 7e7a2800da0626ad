//! Log lines: JSON on standard output, one line for each event. CloudWatch Logs reads it as fields.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging for the function whose crate is `function_crate`.
///
/// The function's own crates log at `INFO`. All other crates are limited to `WARN` in code, because some print request
/// bodies at finer levels. No setting changes this: nobody should be able to make credentials appear in a log.
pub fn init_logging(function_crate: &'static str) {
    let levels = Targets::new()
        .with_default(Level::WARN)
        .with_target(function_crate, Level::INFO)
        .with_target("lambda_boundary", Level::INFO)
        // A failure is logged once, by the handler. These two would log it a second time in other words.
        .with_target("lapin", LevelFilter::OFF)
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    // A second call (in a test) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(levels).try_init();
}

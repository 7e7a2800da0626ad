//! What every function needs at the edge to Lambda and AWS: how it starts, its configuration, limits of time and
//! repetitions, where log lines and metrics go, and how an error becomes what Lambda reports.

mod aws;
mod backoff;
mod deadline;
mod environment;
mod failure;
mod function;
mod logging;
mod metrics;
mod throttling;
mod tls;

pub use aws::{AwsError, aws_sdk, with_timeout};
pub use backoff::Backoff;
pub use deadline::time_left;
pub use environment::{CALL_TIMEOUTS_SECONDS, ConfigError, Environment, Form, wrong};
pub use failure::{causes, diagnostic};
pub use function::{cannot_start, now, serve, start, wrong_configuration};
pub use metrics::{Unit, metric};
pub use throttling::{patiently, within};
pub use tls::tls_refusal_in;

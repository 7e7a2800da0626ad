//! What every function's `main` needs at the edge to Lambda and AWS: limits of time, where log lines and
//! metrics go, and how an error becomes what Lambda reports.

mod aws;
mod deadline;
mod environment;
mod failure;
mod logging;
mod metrics;
mod tls;

pub use aws::{AwsError, aws_sdk};
pub use deadline::time_left;
pub use environment::{CALL_TIMEOUTS_SECONDS, ConfigError, is_arn_of, is_table, number, wrong};
pub use failure::{causes, diagnostic};
pub use logging::init_logging;
pub use metrics::{Unit, init_metrics, metric};
pub use tls::tls_refusal_in;

//! What every function's `main` needs at the edge to Lambda: where log lines go, and how an error
//! becomes what Lambda reports.

mod failure;
mod logging;

pub use failure::{causes, diagnostic};
pub use logging::init_logging;

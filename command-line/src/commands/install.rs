//! `install`: installs the parts in `target/testbed`, so that later commands do not wait for a download.

use anyhow::Result;
use testbed::aws::Aws;
use testbed::broker::{Broker, Suite};
use testbed::cloud::workspace;

use super::report::complain;

/// Installs the emulator's environment and the suite's RabbitMQ.
pub fn run(suite: Suite) -> Result<()> {
    let tools = workspace().join("target/testbed");
    Aws::install(&tools, &complain)?;
    Broker::install(suite, &tools, &complain)?;
    Ok(())
}

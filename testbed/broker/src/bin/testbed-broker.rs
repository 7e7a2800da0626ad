//! Runs a private RabbitMQ until standard input ends: `testbed-broker <folder> [<tools folder>]`.
//!
//! For use by hand, and for the test that kills it and checks that no process remains.
#![expect(clippy::print_stdout, reason = "its output reports where the node is")]

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use broker::{Broker, Suite};
use sandbox::certificates::Certificates;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().context("usage: testbed-broker <folder> [<tools folder>]")?;
    let tools = arguments.next().unwrap_or_else(|| PathBuf::from("target/testbed"));
    let certificates = Certificates::create(&folder.join("tls"))?;
    let installation = Broker::install(Suite::from_environment()?, &tools, &|text| println!("{text}"))?;
    let broker = Broker::start(&installation, &folder, &certificates).await?;
    println!(
        "RabbitMQ {} {} amqps port {} CA {} user {} (password in {})",
        broker.version(),
        broker.management_url(),
        broker.amqps_port(),
        broker.ca_pem().display(),
        broker.admin_user(),
        broker.folder().join("etc/rabbitmq.conf").display(),
    );
    println!("ready {}", broker.process_id());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

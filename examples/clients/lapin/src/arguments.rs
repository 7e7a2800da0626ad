//! The command line. It contains no credentials, because they come only from files.

use std::path::PathBuf;

use clap::Parser;

/// A producer and a consumer in one process.
#[derive(Debug, Parser)]
#[command(name = "lapin-client")]
pub struct Arguments {
    /// The broker's host name. Connections always use TLS
    #[arg(long)]
    pub host: String,
    /// The AMQPS port of the broker
    #[arg(long, default_value_t = 5671)]
    pub port: u16,
    /// The vhost
    #[arg(long, default_value = "clients")]
    pub vhost: String,
    /// A file with private certificate authorities
    #[arg(long)]
    pub ca: Option<PathBuf>,
    /// The mounted Secret with `username` and `password`
    #[arg(long)]
    pub credentials: PathBuf,
    /// The queue. Its name is also the routing key
    #[arg(long)]
    pub queue: String,
    /// The folder of the ledger
    #[arg(long)]
    pub ledger: PathBuf,
    /// The number of orders to take
    #[arg(long, default_value_t = 10)]
    pub orders_per_second: u32,
}

//! The arguments of `clients`.

use clap::{Args, ValueEnum};
use proof::clients::Client;

use super::Broker;

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Clients {
    /// The clients to run [default: all]
    #[arg(value_name = "CLIENT", value_enum)]
    clients: Vec<ClientName>,
    /// Plays the events once, as the tests do, not three times
    #[arg(long)]
    pub short: bool,
    #[command(flatten)]
    pub broker: Broker,
}

/// A client of `examples/clients`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientName {
    /// Rust
    Lapin,
    /// Python, blocking
    Pika,
    /// Python with asyncio
    AioPika,
    /// Go
    #[value(name = "amqp091-go")]
    Amqp091Go,
    /// Java, with RabbitMQ's own client
    Java,
    /// Node.js
    Amqplib,
    /// Spring Boot with a mounted volume
    Spring,
    /// Spring Boot with the reload of Spring Cloud Kubernetes
    SpringReload,
}

impl Clients {
    /// The clients to run.
    pub fn chosen(&self) -> Vec<Client> {
        let chosen: Vec<Client> = self.clients.iter().map(|name| name.client()).collect();
        if chosen.is_empty() { Client::ALL.to_vec() } else { chosen }
    }
}

impl ClientName {
    fn client(self) -> Client {
        match self {
            Self::Lapin => Client::Lapin,
            Self::Pika => Client::Pika,
            Self::AioPika => Client::AioPika,
            Self::Amqp091Go => Client::Amqp091Go,
            Self::Java => Client::Java,
            Self::Amqplib => Client::Amqplib,
            Self::Spring => Client::Spring,
            Self::SpringReload => Client::SpringReload,
        }
    }
}

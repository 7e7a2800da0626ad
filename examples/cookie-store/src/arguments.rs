//! The command line. It contains no credentials, because they come only from files.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::connection::Pattern;

/// The service that this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Publishes confirmed orders
    Payment,
    /// Sends each order to its customer
    Messenger,
    /// Fulfils each order
    Order,
}

impl Service {
    /// The name of the service.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Messenger => "messenger",
            Self::Order => "order",
        }
    }
}

/// One of the three services of the store.
#[derive(Debug, PartialEq, Eq, Parser)]
#[command(name = "cookie-store")]
pub struct Arguments {
    /// The service to run
    pub service: Service,
    /// The broker's host name. Connections always use TLS
    #[arg(long, value_name = "NAME")]
    pub host: String,
    /// The AMQPS port of the broker
    #[arg(long, value_name = "N", default_value_t = 5671)]
    pub port: u16,
    /// The vhost on the broker
    #[arg(long, value_name = "NAME", default_value = "cookie-store")]
    pub vhost: String,
    /// A file with private certificate authorities, in addition to the public ones
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The mounted Secret with `username` and `password`
    #[arg(long, value_name = "FOLDER")]
    pub credentials: PathBuf,
    /// When to switch to new credentials
    #[arg(long, value_enum, default_value_t = Pattern::Watch)]
    pub pattern: Pattern,
    /// The file that records the completed orders by their IDs
    #[arg(long, value_name = "FILE")]
    pub ledger: PathBuf,
    /// The number of orders that payment takes
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub orders_per_second: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("cookie-store").chain(line.split_whitespace()))
    }

    #[test]
    fn what_is_not_given_has_a_sensible_value() -> Result<(), clap::Error> {
        let expected = Arguments {
            service: Service::Order,
            host: "b".to_owned(),
            port: 5671,
            vhost: "cookie-store".to_owned(),
            ca: None,
            credentials: "/c".into(),
            pattern: Pattern::Watch,
            ledger: "/l".into(),
            orders_per_second: 10,
        };
        assert_eq!(parse("order --host b --credentials /c --ledger /l")?, expected);
        Ok(())
    }

    #[test]
    fn a_wrong_call_says_what_is_wrong() {
        for (line, expected) in [
            ("", "<SERVICE>"),
            ("baker", "payment, messenger, order"),
            ("order --host b --ledger /l", "--credentials <FOLDER>"),
            ("order --host", "a value is required for '--host"),
            ("order --port 70000", "70000 is not in 0..=65535"),
            ("order --pattern eager", "watch, lazy"),
            ("order --password secret", "unexpected argument '--password'"),
        ] {
            let problem = parse(line).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(problem.contains(expected), "{line}: {problem}");
        }
    }
}

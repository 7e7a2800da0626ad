//! The command line. No credential is in it: those come from files only.

use std::path::PathBuf;

use crate::connection::Pattern;

/// Which of the three services this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Publishes confirmed orders.
    Payment,
    /// Sends each order to its customer.
    Messenger,
    /// Fulfils each order.
    Order,
}

/// All that a service is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Which service.
    pub service: Service,
    /// The broker's name.
    pub host: String,
    /// Its AMQPS port.
    pub port: u16,
    /// Its vhost.
    pub vhost: String,
    /// A file with private authorities.
    pub ca: Option<PathBuf>,
    /// Where the Secret is mounted.
    pub credentials: PathBuf,
    /// When to go over to new ones.
    pub pattern: Pattern,
    /// The file that holds what was done.
    pub ledger: PathBuf,
    /// How many orders payment takes.
    pub orders_per_second: u32,
}

/// How to call it.
pub const USAGE: &str = "\
usage: cookie-store payment|messenger|order --host NAME --credentials FOLDER --ledger FILE
  --host NAME              the broker, always over TLS
  --credentials FOLDER     the mounted Secret with `username` and `password`
  --ledger FILE            what was done, by order id
  --port N                 5671 when absent
  --vhost NAME             cookie-store when absent
  --ca FILE                private authorities beside the web's own
  --pattern watch|lazy     new credentials: as soon as they are there (default), or when a connection is lost
  --orders-per-second N    for payment; 10 when absent";

impl Service {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Messenger => "messenger",
            Self::Order => "order",
        }
    }
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// What is wrong with them.
pub fn parse(arguments: &[&str]) -> Result<Arguments, String> {
    let (service, mut rest) = arguments.split_first().ok_or("which service?")?;
    let all = [Service::Payment, Service::Messenger, Service::Order];
    let service = all.into_iter().find(|known| known.name() == *service);
    let mut parsed = Arguments {
        service: service.ok_or("the services are payment, messenger and order")?,
        host: String::new(),
        port: 5671,
        vhost: "cookie-store".to_owned(),
        ca: None,
        credentials: PathBuf::new(),
        pattern: Pattern::Watch,
        ledger: PathBuf::new(),
        orders_per_second: 10,
    };
    while let Some((name, values)) = rest.split_first() {
        let (value, others) = values.split_first().ok_or(format!("{name} wants a value"))?;
        match *name {
            "--host" => parsed.host = (*value).to_owned(),
            "--port" => parsed.port = number(name, value)?,
            "--vhost" => parsed.vhost = (*value).to_owned(),
            "--ca" => parsed.ca = Some(value.into()),
            "--credentials" => parsed.credentials = value.into(),
            "--ledger" => parsed.ledger = value.into(),
            "--orders-per-second" => parsed.orders_per_second = number(name, value)?,
            "--pattern" => {
                parsed.pattern = match *value {
                    "watch" => Pattern::Watch,
                    "lazy" => Pattern::Lazy,
                    _ => return Err("--pattern is watch or lazy".to_owned()),
                }
            }
            _ => return Err(format!("{name} is not known")),
        }
        rest = others;
    }
    let needed = [
        ("--host", parsed.host.is_empty()),
        ("--credentials", parsed.credentials.as_os_str().is_empty()),
        ("--ledger", parsed.ledger.as_os_str().is_empty()),
    ];
    match needed.into_iter().find(|(_, missing)| *missing) {
        Some((name, _)) => Err(format!("{name} is missing")),
        None => Ok(parsed),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} wants a number that fits, not `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Arguments, String> {
        parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_given_has_a_sensible_value() {
        let parsed = parse_line("order --host b --credentials /c --ledger /l");
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
        assert_eq!(parsed, Ok(expected));
    }

    #[test]
    fn a_wrong_call_says_what_is_wrong() {
        for (line, expected) in [
            ("", "which service?"),
            ("baker", "payment, messenger and order"),
            ("order --host b --ledger /l", "--credentials is missing"),
            ("order --host", "--host wants a value"),
            ("order --port 70000", "--port wants a number that fits, not `70000`"),
            ("order --pattern eager", "watch or lazy"),
            ("order --password secret", "--password is not known"),
        ] {
            let problem = parse_line(line).err().unwrap_or_default();
            assert!(problem.contains(expected), "{line}: {problem}");
        }
    }
}

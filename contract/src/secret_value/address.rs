//! How a secret names its broker.

use std::fmt;

use super::SecretValueError;
use super::field::Fields;

/// The port for AMQPS, the only one that Amazon MQ for RabbitMQ offers to clients.
const AMQPS_PORT: u16 = 5671;

/// How a secret names its broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerAddress {
    /// An Amazon MQ broker. `DescribeBroker` returns its endpoints.
    Id(String),
    /// Explicit endpoints.
    Endpoints {
        /// Host name for AMQPS.
        host: String,
        /// Port for AMQPS.
        port: u16,
        /// Base URL of the management API, with `https` and without a trailing slash.
        management_url: String,
    },
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => formatter.write_str(id),
            Self::Endpoints { host, port, .. } => write!(formatter, "{host}:{port}"),
        }
    }
}

/// Reads the fields that name the broker.
pub(super) fn broker_address(fields: &Fields) -> Result<BrokerAddress, SecretValueError> {
    match (fields.text("brokerId")?, fields.text("host")?) {
        (Some(_), Some(_)) => Err(SecretValueError::BothAddresses),
        (None, None) => Err(SecretValueError::NoAddress),
        (Some(id), None) => {
            if id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
                Ok(BrokerAddress::Id(id))
            } else {
                Err(SecretValueError::Malformed {
                    field: "brokerId",
                    expected: "an Amazon MQ broker id such as `b-1234…`",
                })
            }
        }
        (None, Some(host)) => {
            let host = host.to_ascii_lowercase();
            if !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) {
                return Err(SecretValueError::Malformed {
                    field: "host",
                    expected: "a host name without scheme or port",
                });
            }
            let port = fields.port("port")?.unwrap_or(AMQPS_PORT);
            let management_url = match fields.text("managementUrl")? {
                Some(url) => management_url(&url)?,
                None => format!("https://{host}"),
            };
            Ok(BrokerAddress::Endpoints { host, port, management_url })
        }
    }
}

/// Accepts `https://host[:port]`, and nothing that could hold credentials or another path.
fn management_url(url: &str) -> Result<String, SecretValueError> {
    let trimmed = url.strip_suffix('/').unwrap_or(url);
    let authority = trimmed.strip_prefix("https://").unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let host_is_plain =
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    if host_is_plain && port.parse::<u16>().is_ok_and(|port| port > 0) {
        Ok(trimmed.to_ascii_lowercase())
    } else {
        Err(SecretValueError::Malformed {
            field: "managementUrl",
            expected: "`https://host` or `https://host:port`",
        })
    }
}

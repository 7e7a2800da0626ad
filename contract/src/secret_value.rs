//! What a secret holds: AWS's JSON shape for credentials, read strictly and written back unchanged.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html>

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;
use zeroize::{Zeroize as _, Zeroizing};

use crate::Password;

mod error;
mod field;

pub use error::SecretValueError;
use field::Fields;

/// AMQPS, the only port that Amazon MQ for RabbitMQ offers to clients.
/// AMQP sends the name of a vhost as a short string. <https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>, 4.2.5.3
const VHOST_LIMIT: usize = 255;
const AMQPS_PORT: u16 = 5671;

/// Which broker user the next version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Two users take turns, `payment` and `payment_clone`: AWSCURRENT always logs in.
    Alternating,
    /// One user whose password changes in place: AWSCURRENT cannot log in between set and finish.
    Single,
}

/// How a secret names its broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerAddress {
    /// An Amazon MQ broker, whose endpoints `DescribeBroker` gives.
    Id(String),
    /// Explicit endpoints.
    Endpoints {
        /// Host name for AMQPS.
        host: String,
        /// Port for AMQPS.
        port: u16,
        /// Base URL of the management API, `https` and without a trailing slash.
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

/// The value of one version of a secret (`schemas/secret-value.json`).
pub struct SecretValue {
    username: String,
    password: Password,
    broker: BrokerAddress,
    vhost: String,
    admin_secret: Option<String>,
    strategy: Strategy,
    /// Every key but `username` and `password`, byte for byte: unknown keys are kept as they are.
    others: BTreeMap<String, Box<RawValue>>,
}

impl SecretValue {
    /// Reads a secret's JSON.
    ///
    /// # Errors
    /// Names the first field that breaks the contract, never its value.
    pub fn parse(json: &str) -> Result<Self, SecretValueError> {
        let mut fields = Fields::parse(json)?;
        if fields.required_text("engine")? != "rabbitmq" {
            return Err(SecretValueError::WrongEngine);
        }
        let username = fields.required_text("username")?;
        let password = Password::new(fields.required_text("password")?);
        let broker = broker_address(&fields)?;
        let vhost = fields.text("vhost")?.unwrap_or_else(|| "/".to_owned());
        if vhost.len() > VHOST_LIMIT {
            return Err(SecretValueError::Malformed { field: "vhost", expected: "at most 255 bytes long" });
        }
        let admin_secret = fields.text("masterarn")?;
        if admin_secret.as_ref().is_some_and(|arn| !arn.starts_with("arn:")) {
            return Err(SecretValueError::NotAnArn("masterarn"));
        }
        let strategy = match (fields.text("rotationStrategy")?.as_deref(), &admin_secret) {
            (Some("alternating") | None, Some(_)) => Strategy::Alternating,
            (Some("single"), _) | (None, None) => Strategy::Single,
            (Some("alternating"), None) => return Err(SecretValueError::AlternatingWithoutAdmin),
            (Some(_), _) => return Err(SecretValueError::UnknownStrategy),
        };
        fields.wipe("username");
        fields.wipe("password");
        Ok(Self { username, password, broker, vhost, admin_secret, strategy, others: fields.rest() })
    }

    /// The same secret with other credentials.
    #[must_use]
    pub fn with_credentials(&self, username: String, password: Password) -> Self {
        Self {
            username,
            password,
            broker: self.broker.clone(),
            vhost: self.vhost.clone(),
            admin_secret: self.admin_secret.clone(),
            strategy: self.strategy,
            others: self.others.clone(),
        }
    }

    /// The JSON to store, wiped on drop.
    ///
    /// # Errors
    /// Never for a value that was parsed; serialisation is fallible by type.
    pub fn to_json(&self) -> Result<Zeroizing<String>, serde_json::Error> {
        let mut password = serde_json::value::to_raw_value(self.password.expose())?;
        let mut fields = self.others.clone();
        fields.insert("username".to_owned(), serde_json::value::to_raw_value(&self.username)?);
        fields.insert("password".to_owned(), password.clone());
        let json = Zeroizing::new(serde_json::to_string(&fields)?);
        wipe(&mut password);
        if let Some(mut copy) = fields.remove("password") {
            wipe(&mut copy);
        }
        Ok(json)
    }

    /// The broker user.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The user's password.
    #[must_use]
    pub fn password(&self) -> &Password {
        &self.password
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &BrokerAddress {
        &self.broker
    }

    /// The vhost that the application uses; `/` when the secret names none.
    #[must_use]
    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    /// The ARN of the admin secret (`masterarn`).
    #[must_use]
    pub fn admin_secret(&self) -> Option<&str> {
        self.admin_secret.as_deref()
    }

    /// Which user the next version is for.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SecretValue")
            .field("username", &self.username)
            .field("broker", &self.broker)
            .finish_non_exhaustive()
    }
}

/// Overwrites a JSON fragment that holds a password.
fn wipe(fragment: &mut Box<RawValue>) {
    let taken: Box<RawValue> = std::mem::replace(fragment, RawValue::NULL.to_owned());
    let text: Box<str> = taken.into();
    String::from(text).zeroize();
}

fn broker_address(fields: &Fields) -> Result<BrokerAddress, SecretValueError> {
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

/// Accepts `https://host[:port]` and nothing that could carry credentials or another path.
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

#[cfg(test)]
mod tests;

//! What a secret holds: AWS's JSON shape for credentials, read strictly and written back unchanged.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html>

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::{Zeroize as _, Zeroizing};

use crate::Password;

mod address;
mod copies;
mod document;
mod edit;
mod encoding;
mod error;
mod field;
mod keys;
mod logins;
mod logins_in_uris;
mod renewal;
mod uri;

pub use address::BrokerAddress;
use address::broker_address;
use copies::Change;
use encoding::{object, quoted};
pub use error::SecretValueError;
use field::{Fields, VALUE_LIMIT};
pub use keys::KNOWN as KNOWN_KEYS;
use renewal::Around;

/// AMQP sends the name of a vhost as a short string. <https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>, 4.2.5.3
const VHOST_LIMIT: usize = 255;

/// Which broker user the next version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Two users take turns, `payment` and `payment_clone`. AWSCURRENT always logs in.
    Alternating,
    /// One user, whose password is replaced. AWSCURRENT cannot log in between setSecret and finishSecret.
    Single,
}

/// The value of one version of a secret (`schemas/secret-value.json`).
pub struct SecretValue {
    username: String,
    password: Password,
    broker: BrokerAddress,
    vhost: String,
    admin_secret: Option<String>,
    strategy: Strategy,
    /// Every key but `username` and `password`, byte for byte.
    others: BTreeMap<String, Box<RawValue>>,
}

impl SecretValue {
    /// Reads a secret's JSON.
    ///
    /// # Errors
    /// Names the first field that breaks the contract, never its value.
    pub fn parse(json: &str) -> Result<Self, SecretValueError> {
        let fields = Fields::parse(json)?;
        fields.check_spelling()?;
        Self::from_fields(fields)
    }

    /// Reads the JSON of a version of which only the login is needed, for example to revoke it. Near misses of known keys
    /// are ignored, because the version may be older than the rule against them.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_earlier(json: &str) -> Result<Self, SecretValueError> {
        Self::from_fields(Fields::parse(json)?)
    }

    fn from_fields(mut fields: Fields) -> Result<Self, SecretValueError> {
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

    /// The same secret with other credentials. Every other key that repeats the present credentials, or that holds a URI of
    /// one of the pair's `users`, gets the new ones. Everything else is kept byte for byte.
    ///
    /// # Errors
    /// [`SecretValueError::UnclearCopy`] names a key that cannot be renewed with certainty;
    /// [`SecretValueError::TooLong`] if the new value does not fit into a secret.
    pub fn with_credentials(
        &self,
        users: &[&str],
        username: String,
        password: Password,
    ) -> Result<Self, SecretValueError> {
        let mut pair = vec![self.username.as_str(), username.as_str()];
        pair.extend(users.iter().filter(|user| !user.is_empty()));
        let change = Change {
            users: pair,
            old: self.password.expose(),
            user: &username,
            password: password.expose(),
            broker: &self.broker,
        };
        let others = self.renewed_others(&change)?;
        let next = Self {
            username,
            password,
            broker: self.broker.clone(),
            vhost: self.vhost.clone(),
            admin_secret: self.admin_secret.clone(),
            strategy: self.strategy,
            others,
        };
        let is_storable = next.to_json().is_ok_and(|json| json.len() <= VALUE_LIMIT);
        if is_storable { Ok(next) } else { Err(SecretValueError::TooLong) }
    }

    /// Known keys name the broker. They are never credentials, even if their value equals one.
    fn renewed_others(
        &self,
        change: &Change<'_>,
    ) -> Result<BTreeMap<String, Box<RawValue>>, SecretValueError> {
        let others = self.others.iter().map(|(key, value)| (key.as_str(), &**value));
        let unknown = others.filter(|(key, _)| !keys::KNOWN.contains(key)).collect();
        let unreadable = |_| SecretValueError::NotAnObject { line: 0, column: 0 };
        let json = object(&unknown).map_err(unreadable)?;
        let renewed = renewal::renew(&json, change, Around::SECRET)
            .map_err(|unclear| SecretValueError::UnclearCopy { key: unclear.path, why: unclear.why })?;
        let renewed: BTreeMap<String, &RawValue> = match &renewed {
            Some(json) => serde_json::from_str(json).map_err(unreadable)?,
            None => BTreeMap::new(),
        };
        // A value is copied only now. A `BTreeMap` that an error drops would not wipe it.
        let next = self.others.iter().map(|(key, old)| {
            let value = renewed.get(key).copied().unwrap_or(old);
            (key.clone(), value.to_owned())
        });
        Ok(next.collect())
    }

    /// The JSON to store, wiped on drop.
    ///
    /// # Errors
    /// Never for a value that was parsed; serialisation is fallible by type.
    pub fn to_json(&self) -> Result<Zeroizing<String>, serde_json::Error> {
        let (username, password) = (quoted(&self.username)?, quoted(self.password.expose())?);
        let mut fields: BTreeMap<&str, &RawValue> =
            self.others.iter().map(|(key, value)| (key.as_str(), &**value)).collect();
        fields.insert("username", serde_json::from_str(&username)?);
        fields.insert("password", serde_json::from_str(&password)?);
        object(&fields)
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

    /// The vhost that the application uses. It is `/` if the secret names none.
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

/// Keys that the contract does not know may repeat the password.
impl Drop for SecretValue {
    fn drop(&mut self) {
        self.others.values_mut().for_each(wipe);
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

#[cfg(test)]
mod tests;

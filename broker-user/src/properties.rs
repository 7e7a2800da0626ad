//! The wanted user as data: the properties that all three events have. Pure.

use std::collections::{BTreeMap, BTreeSet};

use rotation_mq::grants::{Grants, Permission, TopicPermission, is_unnameable};
use rotation_mq::pair::check_user_name;
use serde_json::Value;

mod fields;

pub use fields::{EventError, Fields};

/// The properties of a user.
const KNOWN: [&str; 7] =
    ["SecretArn", "Username", "Broker", "Permissions", "TopicPermissions", "Limits", "Tags"];
/// RabbitMQ's names of the limits of a user, by their properties.
/// <https://www.rabbitmq.com/docs/user-limits>
const LIMITS: [(&str, &str); 2] = [("MaxConnections", "max-connections"), ("MaxChannels", "max-channels")];
const LIMIT_VALUES: std::ops::RangeInclusive<i64> = 1..=1_000_000;
/// The longest ARN of a secret that Secrets Manager accepts as `SecretId`.
const ARN_LIMIT: usize = 2_048;
/// Room for `_clone` in RabbitMQ's longest name.
const USER_NAME_LIMIT: usize = 249;
/// A short string of AMQP.
const NAME_LIMIT: usize = 255;
/// In characters. Patterns are matched at each operation of a channel.
const PATTERN_LIMIT: usize = 500;
const TAG_LIMIT: usize = 100;
/// The user that RabbitMQ creates. Amazon MQ deletes it.
/// <https://www.rabbitmq.com/docs/access-control#default-state>
pub const GUEST: &str = "guest";
/// The first part of the physical id of a Create that failed, so it is the name of no broker.
pub const NO_BROKER: &str = "none";

/// Which user, by its secret and its broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The secret's ARN.
    pub secret: String,
    /// The broker: `brokerId` of the secret, or its `host`.
    pub broker: String,
    /// The first user of the pair, without `_clone`.
    pub username: String,
}

impl Identity {
    /// Reads the three properties that name a user.
    ///
    /// # Errors
    /// Names the first property that is wrong.
    pub fn read(properties: &Fields<'_>) -> Result<Self, EventError> {
        let secret = properties.text("SecretArn", 1..=ARN_LIMIT)?;
        if !secret.starts_with("arn:") || !secret.contains(":secret:") {
            return Err(properties.wrong("SecretArn", "the ARN of a secret"));
        }
        // As in the value of the secret: names of hosts have no case, and the ids of Amazon MQ are in lower case.
        let broker = properties.text("Broker", 1..=NAME_LIMIT)?.to_ascii_lowercase();
        let is_plain = broker.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !is_plain || broker == NO_BROKER {
            return Err(properties.wrong("Broker", "the `brokerId` of the secret, or its `host`"));
        }
        let username = properties.text("Username", 1..=USER_NAME_LIMIT)?;
        if check_user_name(username).is_err() || username.len() > USER_NAME_LIMIT {
            let expected = "a name of 1 to 249 bytes without `:`, and not `.` or `..`";
            return Err(properties.wrong("Username", expected));
        }
        Ok(Self { secret: secret.to_owned(), broker, username: username.to_owned() })
    }

    /// `BROKER/USERNAME`. It has no part that changes, so a repeated request names the same user.
    #[must_use]
    pub fn physical_id(&self) -> String {
        format!("{}/{}", self.broker, self.username)
    }
}

/// A user and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which user.
    pub identity: Identity,
    /// What both users of the pair are granted, and nothing else.
    pub grants: Grants,
}

impl Wanted {
    /// Reads all properties. `others` are the fields of the event that are beside them.
    ///
    /// # Errors
    /// Names the first property that is unknown or wrong. A property with a typing error would have no effect.
    pub fn read(properties: &Fields<'_>, others: &[&str]) -> Result<Self, EventError> {
        properties.only(&KNOWN, others)?;
        let identity = Identity::read(properties)?;
        if identity.username == GUEST {
            return Err(properties.wrong("Username", "another user than RabbitMQ's own `guest`"));
        }
        let grants = Grants {
            tags: tags(properties)?,
            permissions: permissions(properties)?,
            topic_permissions: topic_permissions(properties)?,
            limits: limits(properties)?,
        };
        Ok(Self { identity, grants })
    }
}

/// Whether a text is a tag that the broker stores as it is, and that the template's parameter can list.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    (1..=TAG_LIMIT).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn permissions(properties: &Fields<'_>) -> Result<BTreeMap<String, Permission>, EventError> {
    let mut permissions = BTreeMap::new();
    for entry in properties.objects("Permissions")? {
        entry.only(&["Vhost", "Configure", "Write", "Read"], &[])?;
        let permission = Permission {
            configure: pattern(&entry, "Configure")?,
            write: pattern(&entry, "Write")?,
            read: pattern(&entry, "Read")?,
        };
        if permissions.insert(vhost(&entry)?, permission).is_some() {
            return Err(entry.wrong("Vhost", "another vhost than those of the entries before it"));
        }
    }
    Ok(permissions)
}

fn topic_permissions(
    properties: &Fields<'_>,
) -> Result<BTreeMap<(String, String), TopicPermission>, EventError> {
    let mut permissions = BTreeMap::new();
    for entry in properties.objects("TopicPermissions")? {
        entry.only(&["Vhost", "Exchange", "Write", "Read"], &[])?;
        let exchange = entry.text("Exchange", 0..=NAME_LIMIT)?;
        if exchange.len() > NAME_LIMIT {
            return Err(entry.wrong("Exchange", "at most 255 bytes long"));
        }
        let topic = TopicPermission { write: pattern(&entry, "Write")?, read: pattern(&entry, "Read")? };
        if permissions.insert((vhost(&entry)?, exchange.to_owned()), topic).is_some() {
            return Err(entry.wrong("Exchange", "another exchange than those of the entries before it"));
        }
    }
    Ok(permissions)
}

fn limits(properties: &Fields<'_>) -> Result<BTreeMap<String, i64>, EventError> {
    let Some(limits) = properties.object("Limits")? else { return Ok(BTreeMap::new()) };
    limits.only(&LIMITS.map(|(property, _)| property), &[])?;
    let mut found = BTreeMap::new();
    for (property, name) in LIMITS {
        if let Some(value) = limits.number(property, &LIMIT_VALUES)? {
            found.insert(name.to_owned(), value);
        }
    }
    Ok(found)
}

fn tags(properties: &Fields<'_>) -> Result<BTreeSet<String>, EventError> {
    let expected = "a tag of 1 to 100 letters, digits, `_`, `.` and `-`";
    let of_entry = |(index, entry): (usize, &Value)| match entry.as_str().filter(|text| is_tag(text)) {
        Some(tag) => Ok(tag.to_owned()),
        None => Err(properties.wrong(&format!("Tags[{index}]"), expected)),
    };
    properties.list("Tags")?.iter().enumerate().map(of_entry).collect()
}

fn vhost(entry: &Fields<'_>) -> Result<String, EventError> {
    let vhost = entry.text("Vhost", 1..=NAME_LIMIT)?;
    if is_unnameable(vhost) || vhost.len() > NAME_LIMIT {
        return Err(entry.wrong("Vhost", "at most 255 bytes long, and not `.` or `..`"));
    }
    Ok(vhost.to_owned())
}

fn pattern(entry: &Fields<'_>, name: &'static str) -> Result<String, EventError> {
    entry.text(name, 0..=PATTERN_LIMIT).map(str::to_owned)
}

#[cfg(test)]
mod tests;

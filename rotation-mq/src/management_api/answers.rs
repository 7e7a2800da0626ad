//! The fields of the management API's answers that are used. Other fields may change.

use std::collections::BTreeMap;
use std::mem::take;

use serde::Deserialize;

use crate::grants::{self, Grants};
use crate::password::StoredPassword;

/// `GET /api/users/{name}` and `GET /api/whoami`.
#[derive(Deserialize)]
pub(super) struct User {
    tags: Tags,
    #[serde(default)]
    limits: BTreeMap<String, i64>,
    #[serde(default)]
    hashing_algorithm: String,
    #[serde(default)]
    password_hash: String,
}

/// A list since RabbitMQ 3.9. Before, a text with commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Vec<String>),
    Text(String),
}

impl User {
    pub(super) fn take_password(&mut self) -> StoredPassword {
        StoredPassword::new(take(&mut self.hashing_algorithm), take(&mut self.password_hash))
    }

    pub(super) fn has_tag(&self, tag: &str) -> bool {
        match &self.tags {
            Tags::List(tags) => tags.iter().any(|own| own == tag),
            Tags::Text(text) => text.split(',').any(|own| own == tag),
        }
    }
}

/// One of `GET /api/users/{name}/permissions`.
#[derive(Deserialize)]
pub(super) struct Permission {
    vhost: String,
    configure: String,
    write: String,
    read: String,
}

/// One of `GET /api/users/{name}/topic-permissions`.
#[derive(Deserialize)]
pub(super) struct TopicPermission {
    vhost: String,
    exchange: String,
    write: String,
    read: String,
}

/// One of `GET /api/connections/username/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Connection {
    /// Both addresses, for example `10.0.0.1:51514 -> 10.0.0.2:5671`.
    pub name: String,
    /// When it was opened (milliseconds since 1970, by the broker's clock), if the broker says so. A client may open another
    /// connection from the same port, and this time distinguishes the two.
    #[serde(default)]
    pub connected_at: Option<i64>,
}

/// One of `GET /api/connections/username/{name}`, as the broker counts them for the limits of a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TrackedConnection {
    /// Both addresses, for example `10.0.0.1:51514 -> 10.0.0.2:5671`.
    pub name: String,
    /// Its vhost.
    #[serde(default)]
    pub vhost: Option<String>,
}

/// `GET /api/overview`.
#[derive(Deserialize)]
pub(super) struct Overview {
    #[serde(default)]
    pub(super) rabbitmq_version: Option<String>,
}

/// One of `GET /api/vhost-limits/{vhost}`. The value is an object. A vhost without limits may have an empty list.
#[derive(Deserialize)]
pub(super) struct VhostLimits {
    #[serde(default)]
    value: serde_json::Value,
}

impl VhostLimits {
    pub(super) fn of(&self, limit: &str) -> Option<i64> {
        self.value.get(limit).and_then(serde_json::Value::as_i64)
    }
}

/// `GET /api/connections/{name}`, with the history of received bytes.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ConnectionDetails {
    /// The name that the client gave itself.
    #[serde(default)]
    pub user_provided_name: Option<String>,
    /// When it was opened (milliseconds since 1970, by the broker's clock).
    #[serde(default)]
    pub connected_at: Option<i64>,
    /// `running`, or `closed` after both sides have closed it.
    #[serde(default)]
    pub state: Option<String>,
    /// The negotiated heartbeat in seconds. It is 0 for none.
    #[serde(default)]
    pub timeout: Option<u64>,
    #[serde(default, rename = "recv_oct_details")]
    received: Option<Received>,
}

#[derive(Debug, Clone, Deserialize)]
struct Received {
    #[serde(default)]
    samples: Vec<Sample>,
}

/// Bytes received up to a moment (milliseconds since 1970), by the broker's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Sample {
    /// Bytes received since the connection was opened.
    #[serde(rename = "sample")]
    pub bytes: u64,
    /// When.
    #[serde(rename = "timestamp")]
    pub at_ms: u64,
}

impl ConnectionDetails {
    /// The received bytes, sampled every 5 s. Empty if statistics are off.
    #[must_use]
    pub fn received(&self) -> &[Sample] {
        self.received.as_ref().map_or(&[], |received| &received.samples)
    }
}

pub(super) fn grants(
    user: User,
    permissions: Vec<Permission>,
    topic_permissions: Vec<TopicPermission>,
) -> Grants {
    let tags = match user.tags {
        Tags::List(tags) => tags,
        Tags::Text(text) => text.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
    };
    let permission = |p: Permission| {
        (p.vhost, grants::Permission { configure: p.configure, write: p.write, read: p.read })
    };
    let topic = |t: TopicPermission| {
        ((t.vhost, t.exchange), grants::TopicPermission { write: t.write, read: t.read })
    };
    Grants {
        tags: tags.into_iter().collect(),
        permissions: permissions.into_iter().map(permission).collect(),
        topic_permissions: topic_permissions.into_iter().map(topic).collect(),
        limits: user.limits,
    }
}

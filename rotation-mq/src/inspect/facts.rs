//! What an inspection has read, without any credential.

use contract::{Finding, Login, Strategy, Tags};

use crate::grants::Grants;
use crate::ownership::Mark;

/// Everything that is known of one secret, its broker users and its broker.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The secret's ARN.
    pub secret_arn: String,
    /// Its name.
    pub name: String,
    /// When it was looked at (milliseconds since 1970).
    pub now_ms: i64,
    /// Whether rotation is on.
    pub rotation_enabled: bool,
    /// When Secrets Manager rotates next.
    pub next_rotation_ms: Option<i64>,
    /// The tags of the secret.
    pub tags: Tags,
    /// The mark that this secret sets on its users.
    pub mark: Mark,
    /// Whether two users take turns. None if the current value cannot be read.
    pub strategy: Option<Strategy>,
    /// Whether the secret is an administrator that changes itself.
    pub is_own_admin: bool,
    /// The labelled versions, AWSCURRENT first.
    pub versions: Vec<VersionSeen>,
    /// The users of the pair, that of AWSCURRENT first.
    pub users: Vec<UserSeen>,
    /// The vhost of the secret, if its limit is known.
    pub vhost: Option<VhostSeen>,
    /// The broker.
    pub broker: Option<BrokerSeen>,
    /// Connections as a user of the pair.
    pub connections: Vec<ConnectionSeen>,
    /// What could not be read, and what a rotation would refuse.
    pub problems: Vec<Finding>,
}

/// One labelled version.
#[derive(Debug, Clone)]
pub struct VersionSeen {
    /// Its id.
    pub id: String,
    /// Its staging labels.
    pub stages: Vec<String>,
    /// When it was stored (milliseconds since 1970).
    pub created_at_ms: Option<i64>,
    /// Its broker user.
    pub user: Option<String>,
    /// What is wrong with its value. Its login may be known nevertheless.
    pub unreadable: Option<Finding>,
    /// Whether it logs in.
    pub login: Login,
    /// Why it does not, or why that is unknown.
    pub problem: Option<Finding>,
}

impl VersionSeen {
    /// Whether the staging label `stage` is attached to it.
    pub fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|own| own == stage)
    }
}

/// A user on the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// It could not be found out.
    Unknown,
    /// There is no such user.
    Missing,
    /// What is granted to it.
    Exists(Grants),
}

/// One user of the pair.
#[derive(Debug, Clone)]
pub struct UserSeen {
    /// Its name.
    pub name: String,
    /// Whether AWSCURRENT is this user.
    pub in_turn: bool,
    /// What the broker has.
    pub account: Account,
    /// How many connections it has.
    pub connections: Option<u64>,
    /// Whether a version of this secret logs in as it. None if it was not tried, or could not be found out.
    pub has_proof: Option<bool>,
}

/// The vhost of the secret.
#[derive(Debug, Clone)]
pub struct VhostSeen {
    /// Its name.
    pub name: String,
    /// The most connections in it.
    pub limit: i64,
    /// How many there are.
    pub connections: u64,
}

/// The broker.
#[derive(Debug, Clone, Default)]
pub struct BrokerSeen {
    /// Amazon MQ's id, or the host and port.
    pub name: String,
    /// Its state in Amazon MQ.
    pub state: Option<String>,
    /// The version of RabbitMQ.
    pub version: Option<String>,
    /// When the certificate of its AMQPS endpoint ends (milliseconds since 1970).
    pub certificate_ends_ms: Option<i64>,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionSeen {
    /// The user.
    pub user: String,
    /// The vhost.
    pub vhost: Option<String>,
    /// The client's address and port.
    pub peer: String,
    /// The name that the client gave itself.
    pub client: Option<String>,
    /// Since when (milliseconds since 1970, by the broker's clock).
    pub since_ms: Option<i64>,
}

//! The permissions of a broker user, and the plan that gives another user the same. Pure.
//!
//! The active user is the source of truth. Additional permissions of the inactive one are removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::ownership::Mark;

/// A tag that Amazon MQ sets on its own users. It is never copied and never changed. From RabbitMQ 4.3 on, the API answers
/// 400 `bad_request` to every change of such a user, also to a change of its password.
pub const PROTECTED_TAG: &str = "protected";
/// The tag that the management API requires of a login that manages users.
pub const ADMINISTRATOR_TAG: &str = "administrator";

/// Regular expressions for what a user may do in a vhost.
/// <https://www.rabbitmq.com/docs/access-control#authorisation>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Resources that the user may declare, change or delete.
    pub configure: String,
    /// Resources that the user may publish to or bind.
    pub write: String,
    /// Resources that the user may consume from.
    pub read: String,
}

/// Regular expressions for the routing keys that a user may use on a topic exchange.
/// <https://www.rabbitmq.com/docs/access-control#topic-authorisation>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPermission {
    /// Routing keys to publish with.
    pub write: String,
    /// Routing keys to bind with.
    pub read: String,
}

/// A vhost and the name of an exchange in it.
pub type Exchange = (String, String);

/// Everything that the broker grants to one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Tags, for example `monitoring`.
    pub tags: BTreeSet<String>,
    /// Permissions, by vhost.
    pub permissions: BTreeMap<String, Permission>,
    /// Topic permissions. **A missing one means that every routing key is allowed.**
    pub topic_permissions: BTreeMap<Exchange, TopicPermission>,
    /// Limits, for example `max-connections`.
    pub limits: BTreeMap<String, i64>,
}

/// The changes that give the inactive user what the active one has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The tags to set, if the users differ in them. A user's tags are written together with its password.
    pub tags: Option<BTreeSet<String>>,
    /// The other changes, in the order in which they must be made.
    pub changes: Vec<Change>,
}

impl Plan {
    /// The change of the tags as a text.
    #[must_use]
    pub fn tags_description(&self) -> Option<String> {
        let tags: Vec<&str> = self.tags.as_ref()?.iter().map(String::as_str).collect();
        Some(format!("set tags [{}]", tags.join(", ")))
    }

    /// The changes, each as a text.
    pub fn descriptions(&self) -> impl Iterator<Item = String> {
        self.tags_description().into_iter().chain(self.changes.iter().map(ToString::to_string))
    }
}

/// One change to the inactive user, apart from its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Grant a topic permission.
    GrantTopic(Exchange, TopicPermission),
    /// Replace the permission on a vhost.
    ReplaceVhost(String, Permission),
    /// Grant a permission on a vhost where the user has none.
    GrantVhost(String, Permission),
    /// Set a limit.
    SetLimit(String, i64),
    /// Remove the permission on a vhost.
    RevokeVhost(String),
    /// Remove a topic permission.
    RevokeTopic(Exchange),
    /// Remove all topic permissions in a vhost.
    ClearTopics(String),
    /// Remove a limit.
    ClearLimit(String),
}

impl Change {
    /// Whether the change only adds permissions. Every other change corrects a difference or removes something. Nobody can
    /// decide whether one regular expression allows more than another. If a topic permission or a limit is missing, everything
    /// is allowed.
    #[must_use]
    pub fn is_addition(&self) -> bool {
        matches!(self, Self::GrantVhost(..))
    }

    /// Whether it removes something that the active user does not have.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        matches!(
            self,
            Self::RevokeVhost(_) | Self::RevokeTopic(_) | Self::ClearTopics(_) | Self::ClearLimit(_)
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GrantTopic((vhost, exchange), _) => {
                write!(formatter, "grant topic permission on exchange `{exchange}` in vhost `{vhost}`")
            }
            Self::ReplaceVhost(vhost, _) => write!(formatter, "replace permission on vhost `{vhost}`"),
            Self::GrantVhost(vhost, _) => write!(formatter, "grant permission on vhost `{vhost}`"),
            Self::SetLimit(name, value) => write!(formatter, "set limit `{name}` to {value}"),
            Self::RevokeVhost(vhost) => write!(formatter, "remove permission on vhost `{vhost}`"),
            Self::RevokeTopic((vhost, exchange)) => {
                write!(formatter, "remove topic permission on exchange `{exchange}` in vhost `{vhost}`")
            }
            Self::ClearTopics(vhost) => write!(formatter, "remove all topic permissions in vhost `{vhost}`"),
            Self::ClearLimit(name) => write!(formatter, "remove limit `{name}`"),
        }
    }
}

/// The plan that gives `inactive` what `active` has. In the order of its changes, `inactive` never has more than the active
/// user. Differences and additional permissions come first: permissions on vhosts that the active user lacks, then topic
/// permissions (a missing one allows everything), then permissions on other vhosts. Missing permissions come last.
///
/// The mark of a secret is not a grant: it is neither copied nor compared.
#[must_use]
pub fn plan(active: &Grants, inactive: &Grants) -> Plan {
    let mut changes = Vec::new();
    changes.extend(extra(&active.permissions, &inactive.permissions).map(Change::RevokeVhost));
    // The API cannot name some exchanges to remove their topic permission. In that case, all topic permissions of the vhost
    // are removed, and those that the active user has are granted again.
    let mut topics = inactive.topic_permissions.clone();
    let unnameable = extra(&active.topic_permissions, &topics).filter(|(_, name)| is_unnameable(name));
    let cleared: BTreeSet<String> = unnameable.map(|(vhost, _)| vhost).collect();
    for vhost in cleared {
        topics.retain(|(other, _), _| *other != vhost);
        changes.push(Change::ClearTopics(vhost));
    }
    changes.extend(differing(&active.topic_permissions, &topics).map(|(k, v)| Change::GrantTopic(k, v)));
    let (replaced, missing): (Vec<_>, Vec<_>) = differing(&active.permissions, &inactive.permissions)
        .partition(|(vhost, _)| inactive.permissions.contains_key(vhost));
    changes.extend(replaced.into_iter().map(|(k, v)| Change::ReplaceVhost(k, v)));
    changes.extend(differing(&active.limits, &inactive.limits).map(|(k, v)| Change::SetLimit(k, v)));
    changes.extend(extra(&active.topic_permissions, &topics).map(Change::RevokeTopic));
    changes.extend(extra(&active.limits, &inactive.limits).map(Change::ClearLimit));
    changes.extend(missing.into_iter().map(|(k, v)| Change::GrantVhost(k, v)));
    Plan { tags: tags_to_set(active, inactive), changes }
}

/// The tags of the active user, if the inactive one has others. `protected` stays where it is.
fn tags_to_set(active: &Grants, inactive: &Grants) -> Option<BTreeSet<String>> {
    let mut tags = copied_tags(&active.tags);
    let differ = tags != copied_tags(&inactive.tags);
    tags.extend(inactive.tags.get(PROTECTED_TAG).cloned());
    differ.then_some(tags)
}

/// Whether a segment of a URL's path cannot hold the name. The name of the default exchange is empty, and `.` and `..`
/// mean a folder in a URL, in every spelling. <https://url.spec.whatwg.org/#single-dot-path-segment>
#[must_use]
pub fn is_unnameable(name: &str) -> bool {
    ["", ".", ".."].contains(&name)
}

/// Whether the broker would store another tag than the one that is written. A request holds all tags in one text, which
/// the broker splits at commas and trims. The tag `monitoring,administrator` would become two tags.
#[must_use]
pub fn is_unwritable(tag: &str) -> bool {
    tag.contains(',') || tag.trim() != tag
}

/// Topic permissions whose pattern contains `{username}`. They have another meaning for the second user, and cannot be
/// copied.
pub fn bound_to_user_name(grants: &Grants) -> impl Iterator<Item = &Exchange> {
    grants
        .topic_permissions
        .iter()
        .filter(|(_, topic)| topic.write.contains("{username}") || topic.read.contains("{username}"))
        .map(|(exchange, _)| exchange)
}

fn copied_tags(tags: &BTreeSet<String>) -> BTreeSet<String> {
    tags.iter().filter(|tag| *tag != PROTECTED_TAG && !Mark::is_mark(tag)).cloned().collect()
}

fn differing<K: Ord + Clone, V: PartialEq + Clone>(
    active: &BTreeMap<K, V>,
    inactive: &BTreeMap<K, V>,
) -> impl Iterator<Item = (K, V)> {
    active
        .iter()
        .filter(|(key, value)| inactive.get(key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
}

fn extra<K: Ord + Clone, V>(active: &BTreeMap<K, V>, inactive: &BTreeMap<K, V>) -> impl Iterator<Item = K> {
    inactive.keys().filter(|key| !active.contains_key(key)).cloned()
}

#[cfg(test)]
mod tests;

//! What deployments may ask for. Pure.
//!
//! Everyone who may invoke the function may create broker users, so the stack limits what such a user can have: the
//! parameters `BrokerUserSecretPrefixes`, `BrokerUserVhosts`, `BrokerUserPatternPrefixes` and `BrokerUserTags` of
//! `infra/template.yaml`.

use std::collections::BTreeSet;

use contract::secret_name;
use rotation_mq::grants::Grants;

mod pattern;

use pattern::{has_variable, stays_below};

/// The patterns that match no queue and no exchange with a name.
const NOTHING: [&str; 2] = ["", "^$"];

/// The limits of one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    /// What the names of secrets begin with. Empty for all secrets of the stack.
    pub secrets: BTreeSet<String>,
    /// The vhosts in which permissions may be given. None for all.
    pub vhosts: Option<BTreeSet<String>>,
    /// What patterns begin with, after `^`. Empty for any pattern.
    pub prefixes: BTreeSet<String>,
    /// The tags that users may have. `administrator` is never one of them.
    pub tags: BTreeSet<String>,
}

/// A deployment asks for more than the stack allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Beyond {
    /// A secret.
    #[error("the stack allows no requests about secret {0} (parameter BrokerUserSecretPrefixes)")]
    Secret(String),
    /// A vhost.
    #[error("the stack allows no permissions in vhost `{0}` (parameter BrokerUserVhosts)")]
    Vhost(String),
    /// A pattern.
    #[error(
        "the pattern `{pattern}` in vhost `{vhost}` must be `^` and one of the prefixes {prefixes}, with alternations only in \
         parentheses after the prefix, and without a quantifier of the prefix, an option, a quotation, a named class or, for \
         topics, a variable such as `{{username}}` \
         (parameter BrokerUserPatternPrefixes)"
    )]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Its vhost.
        vhost: String,
        /// The prefixes that the stack allows.
        prefixes: String,
    },
    /// A tag.
    #[error("the stack does not allow the tag `{0}` (parameter BrokerUserTags)")]
    Tag(String),
}

impl Ceiling {
    /// Whether a request may be about the secret with this ARN. It is asked before anything is read from the secret.
    ///
    /// # Errors
    /// [`Beyond::Secret`].
    pub fn check_secret(&self, arn: &str) -> Result<(), Beyond> {
        let name = secret_name(arn).unwrap_or_default();
        if self.secrets.is_empty() || self.secrets.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            Ok(())
        } else {
            Err(Beyond::Secret(arn.to_owned()))
        }
    }

    /// Whether a user may have these grants.
    ///
    /// # Errors
    /// Names the first grant beyond the ceiling.
    pub fn check(&self, wanted: &Grants) -> Result<(), Beyond> {
        if let Some(tag) = wanted.tags.iter().find(|tag| !self.tags.contains(*tag)) {
            return Err(Beyond::Tag(tag.clone()));
        }
        let of_topics = wanted
            .topic_permissions
            .iter()
            .map(|((vhost, _), topic)| (vhost, true, [topic.write.as_str(), topic.read.as_str(), ""]));
        let of_resources = wanted.permissions.iter().map(|(vhost, permission)| {
            (
                vhost,
                false,
                [permission.configure.as_str(), permission.write.as_str(), permission.read.as_str()],
            )
        });
        for (vhost, is_of_topic, patterns) in of_resources.chain(of_topics) {
            if self.vhosts.as_ref().is_some_and(|allowed| !allowed.contains(vhost)) {
                return Err(Beyond::Vhost(vhost.clone()));
            }
            if let Some(pattern) = patterns.into_iter().find(|pattern| !self.allows(pattern, is_of_topic)) {
                let prefixes = self.prefixes.iter().map(|prefix| format!("`{prefix}`"));
                return Err(Beyond::Pattern {
                    pattern: pattern.to_owned(),
                    vhost: vhost.clone(),
                    prefixes: prefixes.collect::<Vec<_>>().join(", "),
                });
            }
        }
        Ok(())
    }

    /// An empty pattern is a synonym for `^$`, which matches only the empty name.
    /// <https://www.rabbitmq.com/docs/access-control#authorisation>
    fn allows(&self, pattern: &str, is_of_topic: bool) -> bool {
        NOTHING.contains(&pattern)
            || self.prefixes.is_empty()
            || !(is_of_topic && has_variable(pattern))
                && self.prefixes.iter().any(|prefix| stays_below(pattern, prefix))
    }
}

#[cfg(test)]
mod tests {
    use rotation_mq::grants::{Permission, TopicPermission};

    use super::*;

    fn set(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn grants(vhost: &str, write: &str, tags: &[&str]) -> Grants {
        let permission =
            Permission { configure: String::new(), write: write.to_owned(), read: "^payment".to_owned() };
        Grants { tags: set(tags), permissions: [(vhost.to_owned(), permission)].into(), ..Grants::default() }
    }

    fn topics(vhost: &str, write: &str) -> Grants {
        let topic = TopicPermission { write: write.to_owned(), read: String::new() };
        let key = (vhost.to_owned(), "amq.topic".to_owned());
        Grants { topic_permissions: [(key, topic)].into(), ..Grants::default() }
    }

    #[test]
    fn a_request_is_about_a_secret_whose_name_has_one_of_the_prefixes() {
        let arn =
            |name: &str| format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdEf");
        for (prefixes, secret, expected) in [
            (set(&[]), arn("rabbitmq/payment"), true),
            (set(&["rabbitmq/shop-", "rabbitmq/pay"]), arn("rabbitmq/payment"), true),
            (set(&["rabbitmq/shop-"]), arn("rabbitmq/payment"), false),
            (set(&["payment"]), arn("rabbitmq/payment"), false),
            (set(&["rabbitmq/payment"]), arn("RabbitMQ/payment"), false),
            (set(&["rabbitmq/payment"]), "arn:x:secret:".to_owned(), false),
            (set(&["rabbitmq/payment"]), String::new(), false),
        ] {
            let ceiling = Ceiling { secrets: prefixes, vhosts: None, prefixes: set(&[]), tags: set(&[]) };
            assert_eq!(ceiling.check_secret(&secret).is_ok(), expected, "{ceiling:?} {secret}");
        }
    }

    #[test]
    fn what_deployments_may_ask_for_follows_the_table() {
        let open = Ceiling { secrets: set(&[]), vhosts: None, prefixes: set(&[]), tags: set(&[]) };
        let narrow = Ceiling {
            secrets: set(&[]),
            vhosts: Some(set(&["/"])),
            prefixes: set(&["payment", "shared-"]),
            tags: set(&["reporting"]),
        };
        let none = Ceiling { vhosts: Some(set(&[])), ..open.clone() };
        for (ceiling, wanted, expected) in [
            (&open, grants("orders", ".*", &[]), None),
            (&open, topics("orders", ".*"), None),
            (&open, grants("/", "", &["management"]), Some("tag `management`")),
            (&narrow, grants("/", "^payment", &["reporting"]), None),
            (&narrow, grants("/", "^shared-(a|b)$", &[]), None),
            (&narrow, grants("/", "", &[]), None),
            (&narrow, grants("/", "^$", &[]), None),
            (&narrow, topics("/", "^$"), None),
            (&narrow, topics("/", "^payment-\\d{2}$"), None),
            (&narrow, topics("/", "^payment-{username}$"), Some("a variable such as `{username}`")),
            (&narrow, grants("/", "^payment-{username}$", &[]), None),
            (&open, topics("/", "^{username}"), None),
            (&narrow, grants("/", "^$|", &[]), Some("pattern `^$|` in vhost `/`")),
            (&narrow, topics("/", "^payment"), None),
            (&narrow, grants("orders", "^payment", &[]), Some("vhost `orders`")),
            (&narrow, topics("orders", "^payment"), Some("vhost `orders`")),
            (&narrow, grants("/", ".*", &[]), Some("pattern `.*` in vhost `/`")),
            (&narrow, topics("/", ".*"), Some("`payment`, `shared-`")),
            (&narrow, grants("/", "", &["reporting", "administrator"]), Some("tag `administrator`")),
            (&narrow, grants("/", "", &["Reporting"]), Some("tag `Reporting`")),
            (&none, grants("/", "", &[]), Some("vhost `/`")),
            (&none, Grants::default(), None),
        ] {
            let found = ceiling.check(&wanted).err().map(|beyond| beyond.to_string());
            let fits = match (&found, expected) {
                (None, None) => true,
                (Some(found), Some(words)) => found.contains(words),
                _ => false,
            };
            assert!(fits, "{wanted:?}: {found:?} instead of {expected:?}");
        }
    }
}

//! A version that is not delivered because the broker refuses its login, in words.

use std::fmt;

use contract::Kind;
use jiff::Timestamp;

/// A version that the broker refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The secret's ARN.
    pub secret: String,
    /// The version.
    pub version: String,
    /// Its broker user, if its value could be read.
    pub user: Option<String>,
    /// A version that logs in.
    pub working: Option<String>,
    /// What the broker said.
    pub problem: Option<String>,
    /// What the cluster has.
    pub cluster: InsteadOfIt,
}

/// What the cluster has instead of the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InsteadOfIt {
    /// Nothing was delivered before.
    Nothing,
    /// The version that was delivered last. The ExternalSecret names it until another version is delivered.
    Pinned(String),
    /// The version that was delivered last. But the ExternalSecret reads what is current, and the operator reads it by itself
    /// at this time. None if the operator does not read it by itself, or if the time is unknown.
    UntilRefresh(Option<Timestamp>),
    /// The version itself: it was delivered before the broker could be asked.
    TheVersion,
}

impl Held {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.cluster {
            InsteadOfIt::TheVersion => Kind::CurrentLoginRefused,
            _ => Kind::DeliveryHeldBack,
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret, version, user, working, problem, cluster } = self;
        write!(formatter, "the broker refuses the login of version {version} of secret {secret}")?;
        if let Some(user) = user {
            write!(formatter, ", user `{user}`")?;
        }
        match cluster {
            InsteadOfIt::TheVersion => {
                write!(formatter, ". It was delivered before, when it could not be checked.")?;
            }
            _ => write!(formatter, ". It was not delivered.")?,
        }
        match working {
            Some(working) => write!(formatter, " Version {working} logs in: move AWSCURRENT back to it.")?,
            None => write!(formatter, " No other labelled version logs in.")?,
        }
        match cluster {
            InsteadOfIt::Nothing => write!(formatter, " The cluster has no version of the secret.")?,
            InsteadOfIt::Pinned(before) => write!(
                formatter,
                " The cluster keeps version {before}: until another version is delivered, the ExternalSecret names it."
            )?,
            InsteadOfIt::UntilRefresh(Some(at)) => write!(
                formatter,
                " The ExternalSecret reads what is AWSCURRENT, and secret2eks may not change that. The operator reads it by \
                 itself at {at}: move AWSCURRENT back before."
            )?,
            InsteadOfIt::UntilRefresh(None) => write!(
                formatter,
                " The ExternalSecret reads what is AWSCURRENT, and secret2eks may not change that. The operator reads it when \
                 it syncs the next time: move AWSCURRENT back at once."
            )?,
            InsteadOfIt::TheVersion => {}
        }
        match problem {
            Some(problem) => write!(formatter, " What the check found: {problem}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_user_both_versions_and_what_the_cluster_has() {
        let held = Held {
            secret: "arn:shop".to_owned(),
            version: "v2".to_owned(),
            user: Some("shop".to_owned()),
            working: Some("v1".to_owned()),
            problem: None,
            cluster: InsteadOfIt::Pinned("v1".to_owned()),
        };
        let at = Timestamp::UNIX_EPOCH;
        for (cluster, words, kind) in [
            (InsteadOfIt::Nothing, "The cluster has no version", Kind::DeliveryHeldBack),
            (InsteadOfIt::Pinned("v1".to_owned()), "The cluster keeps version v1", Kind::DeliveryHeldBack),
            (InsteadOfIt::UntilRefresh(Some(at)), "at 1970-01-01T00:00:00Z", Kind::DeliveryHeldBack),
            (InsteadOfIt::UntilRefresh(None), "back at once", Kind::DeliveryHeldBack),
            (InsteadOfIt::TheVersion, "delivered before", Kind::CurrentLoginRefused),
        ] {
            let held = Held { cluster, ..held.clone() };
            let message = held.to_string();
            for words in ["version v2 of secret arn:shop", "user `shop`", "Version v1 logs in", words] {
                assert!(message.contains(words), "{words}: {message}");
            }
            assert_eq!(held.kind(), kind, "{message}");
        }
        let alone = Held { working: None, user: None, ..held }.to_string();
        assert!(alone.contains("No other labelled version logs in"), "{alone}");
    }
}

//! A secret as Secrets Manager describes it, without its value.

use contract::Tags;
use jiff::Timestamp;

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its complete ARN.
    pub arn: String,
    /// Its name. Foreign text.
    pub name: String,
    /// Its tags. Foreign text.
    pub tags: Tags,
    /// Whether Secrets Manager rotates it.
    pub rotation_enabled: bool,
    /// The function that rotates it.
    pub rotation_function: Option<String>,
    /// When a rotation succeeded last.
    pub last_rotated: Option<Timestamp>,
    /// The latest time of the next rotation.
    pub next_rotation: Option<Timestamp>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was deleted. It can be restored for some days.
    pub deleted_at: Option<Timestamp>,
    /// The region of its primary, if it is replicated.
    pub primary_region: Option<String>,
    /// Its versions with a label.
    pub versions: Vec<Version>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Its staging labels.
    pub stages: Vec<String>,
    /// When it was made. Not known in a list of secrets.
    pub created_at: Option<Timestamp>,
}

impl Version {
    /// Whether a staging label is attached to it.
    #[must_use]
    pub fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|found| found == stage)
    }
}

/// A prefix of a version's id must be this long: tables show so many characters.
const SHORTEST_PREFIX: usize = 8;
/// The ids of Secrets Manager are not shorter.
const SHORTEST_ID: usize = 32;

/// The version that a person names by its id, or by the beginning of its id. None if it is not one of these versions. An
/// error if it is too short, or if several versions begin so.
pub fn find_version<'a>(versions: &'a [Version], text: &str) -> Result<Option<&'a str>, String> {
    let ids = || versions.iter().map(|version| version.id.as_str());
    if let Some(id) = ids().find(|id| *id == text) {
        return Ok(Some(id));
    }
    if text.chars().count() < SHORTEST_PREFIX {
        return Err(format!(
            "a version is named by its id, or by at least its first {SHORTEST_PREFIX} characters"
        ));
    }
    let mut begin = ids().filter(|id| id.starts_with(text));
    match (begin.next(), begin.next()) {
        (Some(_), Some(_)) => {
            Err("several versions of the secret begin so; name one by its complete id".to_owned())
        }
        (found, _) => Ok(found),
    }
}

/// Whether the text may be a complete id.
#[must_use]
pub fn is_complete_id(text: &str) -> bool {
    text.chars().count() >= SHORTEST_ID
}

impl Secret {
    /// The version that a staging label is attached to.
    #[must_use]
    pub fn with_stage(&self, stage: &str) -> Option<&str> {
        self.versions.iter().find(|version| version.has(stage)).map(|version| version.id.as_str())
    }

    /// The version that is AWSCURRENT.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.with_stage("AWSCURRENT")
    }

    /// The version that is AWSPREVIOUS.
    #[must_use]
    pub fn previous(&self) -> Option<&str> {
        self.with_stage("AWSPREVIOUS")
    }

    /// The version that is AWSPENDING and not AWSCURRENT: a rotation runs, or is stuck.
    #[must_use]
    pub fn pending(&self) -> Option<&str> {
        self.with_stage("AWSPENDING").filter(|pending| Some(*pending) != self.current())
    }

    /// Whether the cluster is known to hold what is current. None if the secret goes to no cluster.
    #[must_use]
    pub fn is_delivered(&self) -> Option<bool> {
        self.tags
            .is_routed()
            .then(|| self.tags.delivered().is_some() && self.tags.delivered() == self.current())
    }

    /// Who is responsible for it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.tags.get(Tags::OWNER).map(str::trim).filter(|owner| !owner.is_empty())
    }
}

#[cfg(test)]
pub mod example {
    //! A secret for tests.

    use super::*;

    /// The version that is AWSCURRENT in [`secret`].
    pub const CURRENT: &str = "22222222-2222-4222-8222-222222222222";
    /// The version that is AWSPREVIOUS in [`secret`].
    pub const PREVIOUS: &str = "11111111-1111-4111-8111-111111111111";
    /// A version for AWSPENDING.
    pub const PENDING: &str = "33333333-3333-4333-8333-333333333333";

    /// A secret that rotates and is in order.
    pub fn secret(name: &str) -> Secret {
        let version = |id: &str, stage: &str| Version {
            id: id.to_owned(),
            stages: vec![stage.to_owned()],
            created_at: None,
        };
        Secret {
            arn: format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdE1"),
            name: name.to_owned(),
            tags: [(Tags::USER.to_owned(), "payment".to_owned())].into_iter().collect(),
            rotation_enabled: true,
            rotation_function: None,
            last_rotated: Timestamp::from_second(1_800_000_000).ok(),
            next_rotation: Timestamp::from_second(1_802_000_000).ok(),
            created_at: Timestamp::from_second(1_700_000_000).ok(),
            deleted_at: None,
            primary_region: None,
            versions: vec![version(PREVIOUS, "AWSPREVIOUS"), version(CURRENT, "AWSCURRENT")],
        }
    }

    /// The same secret with these tags instead of its own.
    pub fn with_tags(name: &str, tags: &[(&str, &str)]) -> Secret {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Secret { tags, ..secret(name) }
    }

    /// The same secret with a version that is AWSPENDING.
    pub fn rotating(name: &str) -> Secret {
        let mut secret = secret(name);
        secret.versions.push(Version {
            id: PENDING.to_owned(),
            stages: vec!["AWSPENDING".to_owned()],
            created_at: None,
        });
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_by_its_id_or_by_a_unique_beginning_of_it() {
        let version = |id: &str| Version { id: id.to_owned(), stages: Vec::new(), created_at: None };
        let versions =
            ["11111111-aaaa", "11111111-bbbb", "22222222-cccc", "22222222-cccc-d", "short"].map(version);
        for (text, expected) in [
            ("22222222-cccc-d", Ok(Some("22222222-cccc-d"))),
            // A complete id, although another one begins so.
            ("22222222-cccc", Ok(Some("22222222-cccc"))),
            ("11111111-a", Ok(Some("11111111-aaaa"))),
            ("short", Ok(Some("short"))),
            ("33333333", Ok(None)),
            ("11111111", Err("several")),
            ("2222222", Err("8 characters")),
            ("", Err("8 characters")),
        ] {
            match (find_version(&versions, text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(words), Err(expected)) => assert!(words.contains(expected), "{text}: {words}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}

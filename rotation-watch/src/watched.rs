//! A secret as the watch sees it, without its value.

use std::collections::BTreeMap;

use contract::{Kind, Tags};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its complete ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
    /// Whether Secrets Manager rotates it.
    pub rotation_enabled: bool,
    /// When that succeeded last.
    pub last_rotated: Option<Timestamp>,
    /// The latest time of the next rotation.
    pub next_rotation: Option<Timestamp>,
    /// When the secret was made.
    pub created_at: Option<Timestamp>,
    /// The version that is AWSCURRENT.
    pub current: Option<Version>,
    /// The version that is AWSPENDING and not AWSCURRENT.
    pub pending: Option<Version>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its id.
    pub id: String,
    /// When it was created. Unknown until Secrets Manager was asked for it.
    pub created_at: Option<Timestamp>,
}

/// The versions of a secret whose ages matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// The version that is AWSCURRENT.
    pub current: Option<Version>,
    /// The version that is AWSPENDING and not AWSCURRENT.
    pub pending: Option<Version>,
}

/// What the watch stores about a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Memory {
    /// The secret's ARN.
    pub arn: String,
    /// The version that was AWSCURRENT. With it, the watch need not ask for its age every day.
    pub current: Option<Version>,
    /// The kinds that last, each with the day (UTC) on which its owner was last notified.
    pub told: BTreeMap<Kind, Date>,
}

impl Memory {
    /// Whether it is about the version that is AWSCURRENT now.
    #[must_use]
    pub fn is_about(&self, current: Option<&Version>) -> bool {
        self.current.as_ref().map(|version| &version.id) == current.map(|version| &version.id)
    }
}

impl Secret {
    /// A secret without tags and versions.
    #[cfg(test)]
    pub(crate) fn example(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            name: arn.to_owned(),
            tags: std::iter::empty().collect(),
            rotation_enabled: false,
            last_rotated: None,
            next_rotation: None,
            created_at: None,
            current: None,
            pending: None,
        }
    }

    /// Who is responsible for it. Empty if nobody is.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.tags.get(Tags::OWNER).unwrap_or_default().trim()
    }
}

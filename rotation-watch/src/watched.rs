//! A secret as the watch sees it: never its value.

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
    /// When it should happen next, at the latest.
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
    /// When it was made; unknown until Secrets Manager was asked for it.
    pub created_at: Option<Timestamp>,
}

/// What the watch remembers of a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Memory {
    /// The secret's ARN.
    pub arn: String,
    /// The version that was AWSCURRENT, so that its age need not be asked for every day.
    pub current: Option<Version>,
    /// Which kinds were told last on which day (UTC), while they last.
    pub told: BTreeMap<Kind, Date>,
}

impl Secret {
    /// Who answers for it; empty when nobody does.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.tags.get(Tags::OWNER).unwrap_or_default().trim()
    }
}

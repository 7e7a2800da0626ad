//! The preamble of every step: it decides whether the step may run. Pure.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>

use std::collections::BTreeMap;

use crate::event::StepName;

/// The staging label of the version in use.
pub const AWSCURRENT: &str = "AWSCURRENT";
/// The staging label of the version that was in use before.
pub const AWSPREVIOUS: &str = "AWSPREVIOUS";
/// The staging label of the version that a rotation is making.
pub const AWSPENDING: &str = "AWSPENDING";

/// The labels whose version may be in use, the most important first.
pub const IN_USE: [&str; 2] = [AWSCURRENT, AWSPENDING];

/// The versions of a secret, and the staging labels attached to each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions(BTreeMap<String, Vec<String>>);

impl Versions {
    /// The version that has the staging label `stage`.
    #[must_use]
    pub fn with_stage(&self, stage: &str) -> Option<&str> {
        self.0.iter().find(|(_, stages)| stages.iter().any(|s| s == stage)).map(|(id, _)| id.as_str())
    }

    /// All versions with their staging labels: AWSCURRENT first, then AWSPENDING, AWSPREVIOUS and the others.
    pub fn in_order(&self) -> impl Iterator<Item = (&str, &[String])> {
        let order = |stages: &[String]| {
            [AWSCURRENT, AWSPENDING, AWSPREVIOUS].iter().position(|stage| stages.iter().any(|s| s == stage))
        };
        let mut all: Vec<_> = self.0.iter().map(|(id, stages)| (id.as_str(), stages.as_slice())).collect();
        all.sort_by_key(|(_, stages)| order(stages).unwrap_or(usize::MAX));
        all.into_iter()
    }

    /// Whether a version that setSecret has just written to the broker may still be used. `from` was AWSCURRENT when the step
    /// decided. The version is AWSCURRENT already, or it is AWSPENDING and still follows `from`. If not, it was abandoned
    /// meanwhile, or another version was promoted that may have the same user.
    #[must_use]
    pub fn stands(&self, version: &str, from: &str) -> bool {
        let current = self.with_stage(AWSCURRENT);
        current == Some(version) || current == Some(from) && self.with_stage(AWSPENDING) == Some(version)
    }

    /// Whether the version exists.
    #[must_use]
    pub fn knows(&self, version: &str) -> bool {
        self.0.contains_key(version)
    }
}

impl FromIterator<(String, Vec<String>)> for Versions {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(versions: I) -> Self {
        Self(versions.into_iter().collect())
    }
}

/// The decision of the preamble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The version is pending. Run the step.
    Proceed,
    /// The version is current. The step is done.
    AlreadyCurrent,
    /// Do nothing, and report why.
    Refuse(Refusal),
}

/// Why a step must not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Rotation is not enabled.
    #[error("rotation is not enabled for the secret")]
    RotationNotEnabled,
    /// The token names no version.
    #[error("the token is not a version of the secret")]
    UnknownVersion,
    /// The version was abandoned or replaced.
    #[error("the version is not AWSPENDING")]
    NotPending,
}

/// Whether `step` may run for `version`.
///
/// A test step does not check whether rotation is enabled. For `RotateImmediately=false`, it runs while rotation is being
/// enabled, and AWS does not say which of the two comes first.
#[must_use]
pub fn decide(step: StepName, rotation_enabled: bool, versions: &Versions, version: &str) -> Decision {
    if !rotation_enabled && step != StepName::TestSecret {
        Decision::Refuse(Refusal::RotationNotEnabled)
    } else if !versions.knows(version) {
        Decision::Refuse(Refusal::UnknownVersion)
    } else if versions.with_stage(AWSCURRENT) == Some(version) {
        Decision::AlreadyCurrent
    } else if versions.with_stage(AWSPENDING) == Some(version) {
        Decision::Proceed
    } else {
        Decision::Refuse(Refusal::NotPending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StepName::{CreateSecret, FinishSecret, SetSecret, TestSecret};

    fn versions(list: &[(&str, &[&str])]) -> Versions {
        list.iter()
            .map(|(id, stages)| ((*id).to_owned(), stages.iter().map(|s| (*s).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn the_version_in_use_comes_first() {
        let all = versions(&[
            ("a", &["mine"]),
            ("b", &["AWSPREVIOUS"]),
            ("c", &[]),
            ("d", &["mine2", "AWSCURRENT"]),
            ("e", &["AWSPENDING"]),
        ]);
        assert_eq!(all.in_order().map(|(id, _)| id).collect::<Vec<_>>(), ["d", "e", "b", "a", "c"]);
    }

    #[test]
    fn the_preamble_follows_the_table() {
        let rotating =
            versions(&[("old", &["AWSCURRENT"]), ("new", &["AWSPENDING"]), ("older", &["AWSPREVIOUS"])]);
        let promoted = versions(&[("old", &["AWSPREVIOUS"]), ("new", &["AWSCURRENT", "AWSPENDING"])]);
        let settled = versions(&[("old", &["AWSPREVIOUS"]), ("new", &["AWSCURRENT"]), ("bare", &[])]);
        for (versions, version, from, expected) in [
            (&rotating, "new", "old", true),
            (&rotating, "new", "older", false),
            (&rotating, "older", "old", false),
            (&promoted, "new", "old", true),
            (&promoted, "old", "new", false),
            (&settled, "bare", "new", false),
        ] {
            assert_eq!(versions.stands(version, from), expected, "{version} after {from}");
        }
        let not_enabled = Decision::Refuse(Refusal::RotationNotEnabled);
        let not_pending = Decision::Refuse(Refusal::NotPending);
        let unknown = Decision::Refuse(Refusal::UnknownVersion);
        let table = [
            (true, &rotating, "new", Decision::Proceed),
            (true, &rotating, "older", not_pending),
            (true, &rotating, "other", unknown),
            (true, &rotating, "old", Decision::AlreadyCurrent),
            (true, &promoted, "new", Decision::AlreadyCurrent),
            (true, &settled, "new", Decision::AlreadyCurrent),
            (true, &settled, "bare", not_pending),
            (false, &rotating, "new", not_enabled),
            (false, &promoted, "new", not_enabled),
        ];
        for (enabled, versions, token, expected) in table {
            for step in [CreateSecret, SetSecret, FinishSecret] {
                assert_eq!(decide(step, enabled, versions, token), expected, "{step:?} {token}");
            }
            let of_test = if enabled { expected } else { decide(TestSecret, true, versions, token) };
            assert_eq!(decide(TestSecret, enabled, versions, token), of_test, "test {token}");
        }
    }
}

//! Whether the tags of a secret allow its rotation. Pure.
//!
//! IAM compares the name of a tag in `aws:ResourceTag/NAME` without case. The policies that prevent others from setting a
//! tag compare the keys of a request. So the tags are compared once more here, byte for byte.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>

use contract::Tags;

/// The tag of a secret that may be rotated (`ROTATION_TAG_KEY`, `ROTATION_TAG_VALUE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationTag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Why the tags do not allow the rotation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagRefusal {
    /// No tag of this key.
    #[error("it does not carry the tag `{key}`")]
    Missing {
        /// The key.
        key: String,
    },
    /// Another value.
    #[error("its tag `{key}` is not `{expected}`")]
    OtherValue {
        /// The key.
        key: String,
        /// The value that allows a rotation.
        expected: String,
    },
    /// IAM treats this key as the configured one. Nobody can know which of two such tags it reads.
    #[error("it carries the tag `{found}`, which is `{key}` in another case: remove it")]
    OtherCase {
        /// The key on the secret.
        found: String,
        /// The key that is meant.
        key: String,
    },
}

impl RotationTag {
    /// Whether `tags` allow a rotation.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn check(&self, tags: &Tags) -> Result<(), TagRefusal> {
        let key = || self.key.clone();
        if let Some(found) = tags.in_another_case(&self.key) {
            return Err(TagRefusal::OtherCase { found: found.to_owned(), key: key() });
        }
        match tags.get(&self.key) {
            None => Err(TagRefusal::Missing { key: key() }),
            Some(value) if value == self.value => Ok(()),
            Some(_) => Err(TagRefusal::OtherValue { key: key(), expected: self.value.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tag_itself_allows_a_rotation() {
        let tag = RotationTag { key: "rotation-mq".to_owned(), value: "rotate".to_owned() };
        let (missing, other_value, other_case) = ("does not carry", "is not `rotate`", "in another case");
        for (tags, expected) in [
            (&[("rotation-mq", "rotate")][..], None),
            (&[("rotation-mq", "rotate"), ("rotation-mq/user", "payment"), ("team", "shop")], None),
            (&[], Some(missing)),
            (&[("rotation-mq ", "rotate")], Some(missing)),
            (&[("rotation-mq", "admin")], Some(other_value)),
            (&[("rotation-mq", "Rotate")], Some(other_value)),
            (&[("rotation-mq", "")], Some(other_value)),
            (&[("Rotation-MQ", "rotate")], Some(other_case)),
            (&[("ROTATION-MQ", "admin"), ("rotation-mq", "rotate")], Some(other_case)),
            (&[("rotation-mq", "admin"), ("rotation-Mq", "rotate")], Some(other_case)),
        ] {
            let all: Tags =
                tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let refusal = tag.check(&all).err().map(|refusal| refusal.to_string());
            let fits = match (&refusal, expected) {
                (None, None) => true,
                (Some(refusal), Some(words)) => refusal.contains(words),
                _ => false,
            };
            assert!(fits, "{tags:?}: {refusal:?} instead of {expected:?}");
        }
    }
}

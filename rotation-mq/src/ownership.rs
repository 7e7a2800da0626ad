//! Which secret a broker user belongs to. Pure.
//!
//! A pair of users belongs to one secret. The proof is a *mark*: a tag of the broker user, made from the secret's account
//! and name. It is set by the same request that sets the password, so no crash can separate the two. A user without a mark
//! belongs to this secret if one of the secret's own versions logs in as it.

use std::collections::BTreeSet;
use std::fmt;

use contract::secret_name;
use sha2::{Digest as _, Sha256};

use crate::grants::ADMINISTRATOR_TAG;

const PREFIX: &str = "secret-";
const DIGEST_BYTES: usize = 8;

/// The tag that a secret sets on its broker users: `secret-` and 16 hexadecimal digits. RabbitMQ ignores tags other than
/// those of the management plugin. <https://www.rabbitmq.com/docs/access-control#user-tags>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// The mark of the secret with this complete ARN. It is made from the account and the name with its random suffix, not from
    /// the region. So a promoted replica is the same secret, and a secret that was created again with the same name is not.
    #[must_use]
    pub fn of(secret_arn: &str) -> Self {
        let account = secret_arn.split(':').nth(4).unwrap_or_default();
        let name = secret_name(secret_arn).unwrap_or(secret_arn);
        let digest = Sha256::digest(format!("{account}:{name}"));
        let digits: String = digest.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{PREFIX}{digits}"))
    }

    /// Whether a tag of a broker user is the mark of any secret.
    #[must_use]
    pub fn is_mark(tag: &str) -> bool {
        tag.strip_prefix(PREFIX).is_some_and(|digits| {
            digits.len() == 2 * DIGEST_BYTES
                && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
        })
    }

    /// The mark of another secret among a user's tags.
    #[must_use]
    pub fn foreign_in<'t>(&self, tags: &'t BTreeSet<String>) -> Option<&'t str> {
        tags.iter().map(String::as_str).find(|tag| Self::is_mark(tag) && *tag != self.0)
    }

    /// Whether a user has this mark.
    #[must_use]
    pub fn is_in(&self, tags: &BTreeSet<String>) -> bool {
        tags.contains(&self.0)
    }

    /// The tags to write for a user of this secret: the given ones, with this mark and no other mark.
    pub fn with<'t>(&'t self, tags: impl IntoIterator<Item = &'t String>) -> Vec<&'t str> {
        let others = tags.into_iter().map(String::as_str).filter(|tag| !Self::is_mark(tag));
        others.chain([self.0.as_str()]).collect()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What the broker knows about the two users of a pair. With `single`, they are the same user.
#[derive(Debug, Clone, Copy)]
pub struct PairOnBroker<'a> {
    /// AWSCURRENT's user.
    pub active: &'a str,
    /// Its tags.
    pub active_tags: &'a BTreeSet<String>,
    /// The user whose turn it is.
    pub next: &'a str,
    /// Its tags. None if there is no such user.
    pub next_tags: Option<&'a BTreeSet<String>>,
}

/// Why a rotation must not write to the broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Taken {
    /// The value names a user that is not in the secret's pair.
    #[error(
        "AWSCURRENT is for user `{user}`, but this secret is for `{base}` and `{base}_clone`; to give the secret another user, change its tag \
         `rotation-mq/user`"
    )]
    NotOfPair {
        /// AWSCURRENT's user.
        user: String,
        /// The first user of the pair.
        base: String,
    },
    /// No tag names the pair of the secret yet, and its versions disagree.
    #[error(
        "AWSCURRENT is for user `{user}` and AWSPREVIOUS for `{previous}`, which are no pair; set the tag `rotation-mq/user` of the secret to \
         the user that it is for"
    )]
    Moved {
        /// AWSCURRENT's user.
        user: String,
        /// AWSPREVIOUS's user.
        previous: String,
    },
    /// Another secret has rotated the user.
    #[error(
        "user `{user}` carries the mark `{mark}` of another secret, whose next rotation may end the login of this one; give this \
         secret a user of its own before that, or adopt `{user}`"
    )]
    OtherSecret {
        /// The user.
        user: String,
        /// The other secret's mark.
        mark: String,
    },
    /// The user exists, and nothing proves that it belongs to this secret.
    #[error(
        "user `{user}` exists, and no version of this secret logs in as it, so it may be another application's; delete it \
         if nobody uses it, or adopt it"
    )]
    Unproved {
        /// The user.
        user: String,
    },
}

/// What the marks prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The user whose turn it is does not exist, or belongs to this secret.
    Ours,
    /// It has no mark: a login with one of this secret's versions has to prove it.
    NeedsProof,
}

/// Whether the secret with this mark may write to the user whose turn it is. A mark is stronger than a login, because two
/// secrets may hold the same password.
///
/// # Errors
/// [`Taken::OtherSecret`] if one of the users has another secret's mark.
pub fn claim(mark: &Mark, pair: PairOnBroker<'_>) -> Result<Claim, Taken> {
    let of_active = (pair.active, Some(pair.active_tags));
    for (user, tags) in [(pair.next, pair.next_tags), of_active] {
        if let Some(other) = tags.and_then(|tags| mark.foreign_in(tags)) {
            return Err(Taken::OtherSecret { user: user.to_owned(), mark: other.to_owned() });
        }
    }
    // With `single`, the step has already checked that the pending or the current value logs in.
    let is_ours = pair.active == pair.next || pair.next_tags.is_none_or(|tags| mark.is_in(tags));
    Ok(if is_ours { Claim::Ours } else { Claim::NeedsProof })
}

/// What the tags of one user prove. None if it has another secret's mark.
#[must_use]
pub fn of_user(mark: &Mark, tags: &BTreeSet<String>) -> Option<Claim> {
    if mark.foreign_in(tags).is_some() {
        return None;
    }
    Some(if mark.is_in(tags) { Claim::Ours } else { Claim::NeedsProof })
}

/// Whether the rotation would make a user an administrator that is not one.
#[must_use]
pub fn makes_an_administrator(pair: PairOnBroker<'_>) -> bool {
    pair.active_tags.contains(ADMINISTRATOR_TAG)
        && !pair.next_tags.is_some_and(|tags| tags.contains(ADMINISTRATOR_TAG))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";

    fn tags(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn a_mark_is_the_secrets_in_every_region_and_nobody_elses() {
        let mark = Mark::of(ARN);
        assert!(Mark::is_mark(&mark.to_string()), "{mark}");
        assert_eq!(mark.to_string().len(), 23);
        assert_eq!(Mark::of(&ARN.replace("eu-central-1", "us-east-1")), mark);
        for other in [
            ARN.replace("AbCdEf", "GhIjKl"),
            ARN.replace("123456789012", "210987654321"),
            ARN.replace("payment", "order"),
        ] {
            assert_ne!(Mark::of(&other), mark, "{other}");
        }
    }

    #[test]
    fn tags_of_people_are_no_marks() {
        for tag in
            ["secret-", "secret-payment", "secret-0123456789abcdeF", "secret-0123456789abcdef0", "monitoring"]
        {
            assert!(!Mark::is_mark(tag), "{tag}");
        }
        assert!(Mark::is_mark("secret-0123456789abcdef"));
    }

    #[test]
    fn a_users_other_tags_stay_and_another_secrets_mark_goes() {
        let mark = Mark::of(ARN);
        let before = tags(&["monitoring", "secret-0123456789abcdef"]);
        assert_eq!(mark.with(&before), ["monitoring", &mark.to_string()]);
    }

    #[test]
    fn who_owns_the_user_whose_turn_it_is_follows_the_table() {
        let mark = Mark::of(ARN);
        let (ours, theirs) = (mark.to_string(), "secret-0123456789abcdef");
        let unmarked = tags(&["monitoring"]);
        let (marked, foreign) = (tags(&["monitoring", &ours]), tags(&[theirs]));
        let other = |user: &str| Err(Taken::OtherSecret { user: user.to_owned(), mark: theirs.to_owned() });
        let table = [
            (&unmarked, None, Ok(Claim::Ours), "the first rotation"),
            (&marked, None, Ok(Claim::Ours), "the other user was deleted"),
            (&unmarked, Some(&marked), Ok(Claim::Ours), "an ordinary turn, or one that was revoked"),
            (&marked, Some(&unmarked), Ok(Claim::NeedsProof), "the second turn of a user that people made"),
            (&unmarked, Some(&unmarked), Ok(Claim::NeedsProof), "a user that was there before"),
            (&unmarked, Some(&foreign), other("payment_clone"), "another secret rotated first"),
            (&foreign, Some(&marked), other("payment"), "another secret rotated AWSCURRENT's user"),
            (&foreign, None, other("payment"), "a copy of another secret's value"),
        ];
        for (active_tags, next_tags, expected, what) in table {
            let pair = PairOnBroker { active: "payment", active_tags, next: "payment_clone", next_tags };
            assert_eq!(claim(&mark, pair), expected, "{what}");
        }
    }

    #[test]
    fn a_single_user_needs_no_further_proof_and_may_not_be_another_secrets() {
        let mark = Mark::of(ARN);
        for (tag, is_ours) in [("monitoring", true), ("secret-0123456789abcdef", false)] {
            let tags = tags(&[tag]);
            let pair = PairOnBroker { active: "p", active_tags: &tags, next: "p", next_tags: Some(&tags) };
            assert_eq!(claim(&mark, pair).is_ok(), is_ours, "{tag}");
        }
    }

    #[test]
    fn a_user_to_revoke_is_proved_by_this_secrets_mark_and_refused_with_another_one() {
        let mark = Mark::of(ARN);
        let (ours, theirs) = (mark.to_string(), "secret-0123456789abcdef");
        for (list, expected) in [
            (&[ours.as_str(), "monitoring"][..], Some(Claim::Ours)),
            (&["monitoring"], Some(Claim::NeedsProof)),
            (&[], Some(Claim::NeedsProof)),
            (&[theirs], None),
            (&[ours.as_str(), theirs], None),
        ] {
            assert_eq!(of_user(&mark, &tags(list)), expected, "{list:?}");
        }
    }

    #[test]
    fn an_administrator_is_only_made_where_there_was_none() {
        let (admin, plain) = (tags(&["administrator"]), tags(&[]));
        for (active_tags, next_tags, expected) in [
            (&admin, None, true),
            (&admin, Some(&plain), true),
            (&admin, Some(&admin), false),
            (&plain, Some(&admin), false),
            (&plain, None, false),
        ] {
            let pair = PairOnBroker { active: "p", active_tags, next: "p_clone", next_tags };
            assert_eq!(makes_an_administrator(pair), expected);
        }
    }
}

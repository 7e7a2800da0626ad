//! New passwords, and their hash as RabbitMQ stores it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::Password;
use rand::{CryptoRng, RngExt as _};
use sha2::{Digest as _, Sha256};

/// Characters that every broker accepts. Amazon MQ refuses commas, colons and equal signs.
/// <https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-basic-elements-users.html>
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
/// Amazon MQ requires at least four different characters.
const DIFFERENT_CHARACTERS: usize = 4;
const SALT_BYTES: usize = 4;
/// RabbitMQ's name for the algorithm of [`hash`].
pub const HASHING_ALGORITHM: &str = "rabbit_password_hashing_sha256";

/// A new password of `length` characters, 6 bits of randomness each.
pub fn generate(length: usize, random: &mut impl CryptoRng) -> Password {
    loop {
        let characters: Vec<u8> = (0..length)
            .filter_map(|_| ALPHABET.get(usize::from(random.random::<u8>() & 63)).copied())
            .collect();
        let different: std::collections::BTreeSet<u8> = characters.iter().copied().collect();
        if different.len() >= DIFFERENT_CHARACTERS {
            return Password::new(characters.into_iter().map(char::from).collect());
        }
    }
}

/// The password as the broker stores it: `base64(salt ++ SHA-256(salt ++ password))`, for
/// [`HASHING_ALGORITHM`]. Only this leaves the process when a password is set.
/// <https://www.rabbitmq.com/docs/passwords#computing-password-hash>
pub fn hash(password: &Password, random: &mut impl CryptoRng) -> String {
    let mut salt = [0_u8; SALT_BYTES];
    random.fill_bytes(&mut salt);
    salted_hash(password, salt)
}

/// A password as the broker stores it. It is never printed, because a hash allows to try passwords without the broker.
#[derive(Default)]
pub struct StoredPassword {
    algorithm: String,
    hash: String,
}

impl StoredPassword {
    /// The fields `hashing_algorithm` and `password_hash` of a broker user.
    #[must_use]
    pub fn new(algorithm: String, hash: String) -> Self {
        Self { algorithm, hash }
    }

    /// Whether it is this password. None if the broker does not show a hash, or uses another algorithm: then only a login
    /// can tell.
    #[must_use]
    pub fn is(&self, password: &Password) -> Option<bool> {
        if self.algorithm != HASHING_ALGORITHM {
            return None;
        }
        let stored = STANDARD.decode(&self.hash).ok()?;
        let salt = *stored.first_chunk::<SALT_BYTES>()?;
        Some(salted_hash(password, salt) == self.hash)
    }

    /// The algorithm and the hash, to write them again. None if the broker does not show them, or if the user has
    /// no password.
    pub(crate) fn shown(&self) -> Option<(&str, &str)> {
        let is_shown = !self.algorithm.is_empty() && !self.hash.is_empty();
        is_shown.then_some((self.algorithm.as_str(), self.hash.as_str()))
    }

    /// Whether the broker shows that it stores something else than `hash`.
    #[must_use]
    pub fn differs_from(&self, hash: &str) -> bool {
        self.shown().is_some_and(|(_, shown)| shown != hash)
    }

    /// Whether the broker showed the same both times. Two writes of one password differ, because each has its own salt.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.hash == other.hash
    }
}

fn salted_hash(password: &Password, salt: [u8; SALT_BYTES]) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(password.expose()).finalize();
    STANDARD.encode([salt.as_slice(), digest.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_hash_is_the_one_of_the_rabbitmq_manual() {
        let expected = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
        assert_eq!(salted_hash(&Password::new("test12".to_owned()), [0x90, 0x8D, 0xC6, 0x0A]), expected);
    }

    #[test]
    fn a_stored_password_is_recognized_if_its_algorithm_is_known() {
        let password = Password::new("test12".to_owned());
        let hash = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
        let stored = |algorithm: &str, hash: &str| StoredPassword::new(algorithm.to_owned(), hash.to_owned());
        assert_eq!(stored(HASHING_ALGORITHM, hash).is(&password), Some(true));
        assert_eq!(stored(HASHING_ALGORITHM, hash).is(&Password::new("test13".to_owned())), Some(false));
        for (algorithm, hash) in [
            ("rabbit_password_hashing_sha512", hash),
            (HASHING_ALGORITHM, ""),
            (HASHING_ALGORITHM, "kI3G"),
            (HASHING_ALGORITHM, "no base64"),
            ("", hash),
        ] {
            assert_eq!(stored(algorithm, hash).is(&password), None, "{algorithm} {hash}");
        }
    }

    #[test]
    fn only_a_hash_that_the_broker_shows_is_written_again_or_differs() {
        let stored = |algorithm: &str, hash: &str| StoredPassword::new(algorithm.to_owned(), hash.to_owned());
        for (algorithm, hash, is_shown, differs) in [
            (HASHING_ALGORITHM, "kI3G", true, false),
            ("rabbit_password_hashing_sha512", "other", true, true),
            (HASHING_ALGORITHM, "", false, false),
            ("", "kI3G", false, false),
            ("", "", false, false),
        ] {
            let stored = stored(algorithm, hash);
            assert_eq!(stored.shown().is_some(), is_shown, "{algorithm} {hash}");
            assert_eq!(stored.differs_from("kI3G"), differs, "{algorithm} {hash}");
        }
    }

    #[test]
    fn a_stored_password_is_the_same_only_if_nobody_has_written_it_again() {
        let stored = |algorithm: &str, hash: &str| StoredPassword::new(algorithm.to_owned(), hash.to_owned());
        for (algorithm, hash, expected) in [
            (HASHING_ALGORITHM, "kI3G", true),
            (HASHING_ALGORITHM, "other", false),
            ("rabbit_password_hashing_sha512", "kI3G", false),
            (HASHING_ALGORITHM, "", false),
        ] {
            let again = stored(algorithm, hash);
            assert_eq!(stored(HASHING_ALGORITHM, "kI3G").is_same_as(&again), expected, "{algorithm} {hash}");
        }
        assert!(StoredPassword::default().is_same_as(&StoredPassword::default()));
    }

    #[test]
    fn passwords_have_the_length_asked_for_and_stay_in_the_alphabet() {
        for seed in 0..200 {
            let password = generate(40, &mut StdRng::seed_from_u64(seed));
            assert_eq!(password.expose().len(), 40);
            assert!(password.expose().bytes().all(|byte| ALPHABET.contains(&byte)));
        }
    }

    #[test]
    fn two_passwords_are_never_the_same() {
        let random = &mut StdRng::seed_from_u64(1);
        assert!(!generate(40, random).is_same_as(&generate(40, random)));
    }
}

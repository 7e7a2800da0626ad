//! Words that stand in the place of a credential, and the search for them in the forms of [`forms`].

use std::collections::HashSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

/// A credential as rotation-mq makes it. Every ten characters have a digit and a capital.
pub const PASSWORD: &str = "Xk7Qv2Lm9Zt4Rb8Wn3Ys6Hd5Fj1Pg0Ca";
/// A credential as a person makes it: quotes, a backslash, a slash, a percent sign, a letter of two bytes.
pub const ODD: &str = "Mw3\"q\\Z8/t%5+\u{e9}R2&b='N7<v>J4 @k:9?";
/// A `RotationToken`.
pub const TOKEN: &str = "T5hK8dXw2mQz7VbN4cRj9LpF6gYs3AeU1oBi";

/// So many bytes of a form are a part of a credential. A shorter part may be a coincidence, or an ordinary word.
const WINDOW: usize = 12;
/// `base64(salt ++ SHA-256(salt ++ password))` of four and 32 bytes.
/// <https://www.rabbitmq.com/docs/passwords#computing-password-hash>
const HASH_CHARACTERS: usize = 48;
const SALT_BYTES: usize = 4;

/// Finds the canaries of this module.
pub static CANARIES: LazyLock<Watcher> = LazyLock::new(Watcher::default);

/// The forms of one credential, with their names.
#[must_use]
pub fn forms(credential: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = credential.as_bytes();
    let in_json = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap_or_default();
        quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
    };
    let json = in_json(credential);
    let json_in_json = in_json(&json);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("raw", bytes.to_vec()),
        ("JSON", json.into_bytes()),
        ("JSON in JSON", json_in_json.into_bytes()),
        ("percent-encoded", utf8_percent_encode(credential, NON_ALPHANUMERIC).to_string().into_bytes()),
        ("hexadecimal", hex.into_bytes()),
    ];
    // Base64 depends on how many bytes are before the credential. The characters at both ends depend on the neighbours.
    for before in 0..3_usize {
        let encoded = STANDARD_NO_PAD.encode([vec![b'x'; before], bytes.to_vec()].concat());
        let inner = encoded.as_bytes().get(before.div_ceil(3) * 4..).unwrap_or_default();
        let inner = inner.get(..inner.len().saturating_sub(2)).unwrap_or_default().to_vec();
        let url = inner.iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        });
        forms.push(("base64 for URLs", url.collect()));
        forms.push(("base64", inner));
    }
    forms
}

/// Which of the credentials the text contains as RabbitMQ stores it. The salt is in the text, too. A hash stands alone: between
/// quotes, or in a field.
fn hashed_in(credentials: &[String], text: &[u8]) -> Option<usize> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    text.split(|byte| !is_base64(byte)).filter(|run| run.len() == HASH_CHARACTERS).find_map(|run| {
        let stored = STANDARD.decode(run).ok()?;
        let (salt, hash) = stored.split_at_checked(SALT_BYTES)?;
        let is_it =
            |credential: &String| Sha256::digest([salt, credential.as_bytes()].concat()).as_slice() == hash;
        credentials.iter().position(is_it)
    })
}

/// Finds parts of credentials. It is made once, because the parts of all forms are many.
#[derive(Debug)]
pub struct Watcher {
    parts: HashSet<[u8; WINDOW]>,
    /// Whether a part begins with these two bytes. Most of a text is passed over with this alone.
    begins: Vec<bool>,
    credentials: Vec<String>,
}

impl Default for Watcher {
    /// Finds the canaries of this module.
    fn default() -> Self {
        Self::of(&[PASSWORD, ODD, TOKEN])
    }
}

impl Watcher {
    /// Finds the `credentials`, which have at least 12 bytes.
    ///
    /// # Panics
    /// If a credential is shorter: it could not be found.
    #[must_use]
    pub fn of(credentials: &[&str]) -> Self {
        assert!(credentials.iter().all(|credential| credential.len() >= WINDOW), "a credential is too short");
        let forms = credentials.iter().flat_map(|credential| forms(credential));
        let parts = forms.flat_map(|(_, form)| {
            form.windows(WINDOW).filter_map(|part| part.try_into().ok()).collect::<Vec<[u8; WINDOW]>>()
        });
        let parts: HashSet<[u8; WINDOW]> = parts.collect();
        let mut begins = vec![false; 1 << 16];
        parts.iter().for_each(|part| begins[beginning(part)] = true);
        Self { parts, begins, credentials: credentials.iter().map(|&one| one.to_owned()).collect() }
    }

    /// The number and the form of a credential of which the text contains a part. The result does not contain the credential.
    #[must_use]
    pub fn found_in(&self, text: &[u8]) -> Option<String> {
        let is_part = |part: &&[u8]| self.begins[beginning(part)] && self.parts.contains(*part);
        let part = text.windows(WINDOW).find(is_part);
        if let Some(part) = part {
            let mut all = self.credentials.iter().enumerate();
            return all.find_map(|(number, credential)| {
                let is_in = |form: &[u8]| form.windows(WINDOW).any(|own| own == part);
                let (name, _) = forms(credential).into_iter().find(|(_, form)| is_in(form))?;
                Some(format!("credential {number} ({name})"))
            });
        }
        hashed_in(&self.credentials, text)
            .map(|number| format!("credential {number} (hashed as RabbitMQ does)"))
    }
}

fn beginning(part: &[u8]) -> usize {
    let byte = |at: usize| usize::from(part.get(at).copied().unwrap_or_default());
    byte(0) << 8 | byte(1)
}

#[cfg(test)]
mod tests;

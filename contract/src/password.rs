//! The one type for a password.

use std::fmt;

use zeroize::Zeroizing;

/// A password with one way out: [`Password::expose`].
///
/// It cannot be cloned, displayed, serialised or compared by accident. Its `Debug` is redacted. It is wiped from memory
/// when it is dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes ownership of `text`, which is wiped on drop.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The password itself. Every use of this method is a place where a credential leaves the process.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Characters that somebody may have stored with the password by mistake, and that the broker takes as a part of it. For
    /// the message about a refused login.
    #[must_use]
    pub fn blemish(&self) -> Option<&'static str> {
        let text = self.0.as_str();
        if text.ends_with(['\n', '\r']) {
            Some("the password in the secret ends with a line break")
        } else if text.starts_with('\u{feff}') {
            Some("the password in the secret begins with a byte-order mark")
        } else if text.trim() != text {
            Some("the password in the secret begins or ends with white space")
        } else if text.chars().any(char::is_control) {
            Some("the password in the secret contains a control character")
        } else {
            None
        }
    }

    /// Whether both hold the same text.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_beside_a_password_is_named_without_it() {
        for (text, words) in [
            ("correct\n", "line break"),
            ("correct\r\n", "line break"),
            (" correct", "white space"),
            ("\u{feff}correct", "byte-order mark"),
            ("cor\u{0}rect", "control character"),
        ] {
            let said = Password::new(text.to_owned()).blemish().unwrap_or_default();
            assert!(said.contains(words) && !said.contains("correct"), "{text:?}: {said}");
        }
        for text in ["correct", "cor rect", "ü", ""] {
            assert_eq!(Password::new(text.to_owned()).blemish(), None, "{text:?}");
        }
    }

    #[test]
    fn debug_output_never_shows_a_password() {
        assert_eq!(format!("{:?}", Password::new("canary".to_owned())), "Password(redacted)");
    }
}

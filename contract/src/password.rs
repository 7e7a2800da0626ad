//! The one type for a password.

use std::fmt;

use zeroize::Zeroizing;

/// A password with one way out: [`Password::expose`].
///
/// It cannot be cloned, displayed, serialised or compared by accident, its `Debug` is redacted, and it
/// is wiped from memory when dropped.
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
    fn debug_output_never_shows_a_password() {
        assert_eq!(format!("{:?}", Password::new("canary".to_owned())), "Password(redacted)");
    }
}

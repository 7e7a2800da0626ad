//! Copies of the credentials inside one text, and the text with the new ones. Pure.
//!
//! A copy is renewed if its form says how: the password alone, `user:password`, the user info and the query of a URI.
//! Each of them may be plain, percent-encoded, in base64 or in JSON. If the password is a part of any other text, nobody
//! can know how that text must be escaped. Such a copy is [`Found::Unclear`].

use base64::Engine as _;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::encoding::{from_base64, joined, percent_decoded, percent_encoded, quoted};
use super::keys;
use super::renewal::{Around, Unclear, renew};
use crate::BrokerAddress;

/// A shorter password may be an ordinary word (`guest`). It counts only inside a URI's user info.
const DISTINCT_CHARACTERS: usize = 8;
const TOO_DEEP: &str = "too many texts are nested in each other";

/// Which credentials are replaced by which.
pub(super) struct Change<'a> {
    /// The users of the pair.
    pub(super) users: Vec<&'a str>,
    /// The password until now.
    pub(super) old: &'a str,
    /// The new user.
    pub(super) user: &'a str,
    /// The new password.
    pub(super) password: &'a str,
    /// The secret's broker.
    pub(super) broker: &'a BrokerAddress,
}

/// What a text holds.
pub(super) enum Found {
    /// No copy: the text stays as it is.
    Nothing,
    /// The password and nothing else. Holds the new password in the same form.
    Password(Zeroizing<String>),
    /// One login or more. Holds the text with the new login.
    Login(Zeroizing<String>),
    /// A copy that cannot be renewed with certainty.
    Unclear(Unclear),
}

impl Change<'_> {
    /// Looks for copies in `text`.
    pub(super) fn find(&self, text: &str, around: Around) -> Found {
        if let Some(new) = self.bare_password(text) {
            return Found::Password(new);
        }
        if self.is_distinct() && self.is_login(text) {
            return Found::Login(self.login());
        }
        for look in [Self::in_base64, Self::in_json] {
            match look(self, text, around) {
                Found::Nothing => {}
                found => return found,
            }
        }
        self.in_uris(text)
    }

    /// The new user in the form of `text`, if `text` is a user of the pair, plain or in base64.
    pub(super) fn renewed_user(&self, text: &str) -> Option<Zeroizing<String>> {
        if self.users.contains(&text) {
            return Some(Zeroizing::new(self.user.to_owned()));
        }
        let (engine, decoded) = from_base64(text)?;
        self.users.contains(&decoded.as_str()).then(|| Zeroizing::new(engine.encode(self.user)))
    }

    /// Whether a text that is never renewed, such as a key, holds the password.
    pub(super) fn is_in(&self, text: &str) -> bool {
        if !self.is_distinct() {
            return false;
        }
        let escaped = quoted(self.old).unwrap_or_default();
        // In a query, a `+` is a space.
        let spaced = Zeroizing::new(text.split('+').collect::<Vec<_>>().join(" "));
        text.contains(self.old)
            || percent_decoded(text).contains(self.old)
            || percent_decoded(&spaced).contains(self.old)
            || text.contains(escaped.trim_matches('"'))
            || text
                .split(|c: char| !c.is_ascii_alphanumeric() && !"+/=-_".contains(c))
                .filter_map(from_base64)
                .any(|(_, decoded)| decoded.contains(self.old))
    }

    /// Whether `text` is the password, which is not an ordinary word, under a key that may name a password.
    pub(super) fn is_password(&self, text: &str, key: Option<&str>) -> bool {
        let is_long = self.old.chars().count() >= DISTINCT_CHARACTERS;
        let is_a_user = self.users.contains(&self.old) && key.and_then(keys::password_prefix).is_none();
        text == self.old && is_long && !is_a_user
    }

    /// A password that equals a user's name cannot be distinguished from it. A short one cannot be distinguished from an
    /// ordinary word.
    pub(super) fn is_distinct(&self) -> bool {
        self.old.chars().count() >= DISTINCT_CHARACTERS && !self.users.contains(&self.old)
    }

    fn bare_password(&self, text: &str) -> Option<Zeroizing<String>> {
        if !self.is_distinct() {
            None
        } else if text == self.old {
            Some(Zeroizing::new(self.password.to_owned()))
        } else if *percent_decoded(text) == *self.old {
            Some(percent_encoded(self.password))
        } else {
            None
        }
    }

    fn is_login(&self, text: &str) -> bool {
        text.split_once(':')
            .is_some_and(|(user, password)| self.users.contains(&user) && password == self.old)
    }

    fn login(&self) -> Zeroizing<String> {
        joined(&[self.user, ":", self.password])
    }

    /// Base64, with or without the word `Basic` of HTTP's `Authorization` before it.
    fn in_base64(&self, text: &str, around: Around) -> Found {
        let scheme = text.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("basic ")).unwrap_or_default();
        let Some((engine, decoded)) = text.get(scheme.len()..).and_then(from_base64) else {
            return Found::Nothing;
        };
        let encoded = |new: &str| joined(&[scheme, &Zeroizing::new(engine.encode(new))]);
        if self.is_login(&decoded) {
            return Found::Login(encoded(&self.login()));
        }
        let is_another_login = decoded.split_once(':').is_some_and(|(user, behind)| {
            let is_word = !behind.is_empty() && !behind.contains(char::is_whitespace);
            self.users.contains(&user) && is_word && behind.parse::<u16>().is_err()
        });
        if is_another_login && !around.in_another_system {
            return Found::Unclear(Unclear::here(
                "in base64, it holds a user of this pair with another password",
            ));
        }
        let Some(around) = around.deeper() else { return Found::Unclear(Unclear::here(TOO_DEEP)) };
        match self.find(&decoded, around) {
            Found::Password(new) => Found::Password(encoded(&new)),
            Found::Login(new) => Found::Login(encoded(&new)),
            other => other,
        }
    }

    /// JSON inside a text.
    fn in_json(&self, text: &str, around: Around) -> Found {
        let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
        if !looks_like_json || serde_json::from_str::<&RawValue>(text).is_err() {
            return Found::Nothing;
        }
        let Some(around) = around.deeper() else { return Found::Unclear(Unclear::here(TOO_DEEP)) };
        match renew(text, self, around) {
            Ok(None) => Found::Nothing,
            Ok(Some(new)) => Found::Login(new),
            Err(unclear) => Found::Unclear(unclear),
        }
    }
}

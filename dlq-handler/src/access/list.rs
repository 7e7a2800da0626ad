//! The declared lists.

use super::{Network, Principal};

/// What the stack's parameters declare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Who may read every secret (`SECRET_READERS`). None: reads are not watched, except for where they come from.
    pub readers: Option<Vec<Pattern>>,
    /// Who may change what protects the secrets (`SECRET_ADMINISTRATORS`).
    pub administrators: Vec<Pattern>,
    /// The VPC endpoints that values may be read through (`INSIDE_VPC_ENDPOINTS`).
    pub endpoints: Vec<String>,
    /// The networks that values may be read from (`INSIDE_NETWORKS`).
    pub networks: Vec<Network>,
    /// The customer managed key of the secrets (`SECRETS_KEY_ARN`). None: the key of AWS.
    pub key: Option<String>,
}

impl Lists {
    /// Whether the places are declared from which values may be read.
    #[must_use]
    pub fn watch_places(&self) -> bool {
        !self.endpoints.is_empty() || !self.networks.is_empty()
    }

    /// Whether the principal may change what protects the secrets.
    #[must_use]
    pub fn is_administrator(&self, who: &Principal) -> bool {
        self.administrators.iter().any(|pattern| who.is(pattern))
    }
}

/// An ARN in which an asterisk stands for any text, as in a pattern of EventBridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // The earliest place of each part leaves the most text for the parts after it.
        let rest = parts.try_fold(rest, |rest, part| rest.split_once(part).map(|(_, after)| after));
        rest.is_some_and(|rest| rest.ends_with(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_stands_for_any_text_and_everything_else_for_itself() {
        for (pattern, text, expected) in [
            ("role/store", "role/store", true),
            ("role/store", "role/store-evil", false),
            ("role/store", "my-role/store", false),
            ("role/store-*", "role/store-a/b", true),
            ("role/store-*", "role/store-", true),
            ("role/store-*", "role/store", false),
            ("role/*-store", "role/a-store", true),
            ("role/*-store", "role/a-store-b", false),
            ("role/*a*b", "role/xaxxb", true),
            ("role/*a*b", "role/ab", true),
            ("role/*a*b", "role/ba", false),
            ("role/*aa*a", "role/aa", false),
            ("*", "anything", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("role/a.b", "role/axb", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }
}

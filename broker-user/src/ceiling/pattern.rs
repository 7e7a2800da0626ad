//! Whether a pattern matches only names with a prefix. Pure.
//!
//! RabbitMQ matches names with Erlang's `re`, whose patterns are those of PCRE. This code does not know all of PCRE, so it
//! accepts a small part of it and refuses the rest. Every construct that could begin a second alternative, or end a group
//! where it does not seem to end, is refused: options (`(?x)` allows comments), comments, verbs, quotations (`\Q`), and
//! escapes that take the next character (`\c`). <https://www.erlang.org/doc/apps/stdlib/re.html>

use std::str::Chars;

/// Letters that may follow a backslash: classes of characters and word boundaries.
const ESCAPED_LETTERS: &str = "dDwWsSbB";

/// Whether the pattern is `^`, the prefix and one branch. `prefix` has only characters that mean themselves.
pub(super) fn stays_below(pattern: &str, prefix: &str) -> bool {
    let rest = pattern.strip_prefix('^').and_then(|pattern| pattern.strip_prefix(prefix));
    // A quantifier would make the last character of the prefix optional.
    rest.is_some_and(|rest| !rest.starts_with(['?', '*', '+', '{']) && is_one_branch(rest))
}

/// Whether a pattern may have a variable such as `{username}`. RabbitMQ replaces variables in the patterns of topic
/// permissions before it matches, and their values may contain any character, also `|`.
/// <https://www.rabbitmq.com/docs/access-control#topic-authorisation>
pub(super) fn has_variable(pattern: &str) -> bool {
    pattern.split('{').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// Whether no alternation is outside of parentheses.
fn is_one_branch(rest: &str) -> bool {
    let mut depth = 0_usize;
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        let is_known = match character {
            '\\' => skip_escaped(&mut characters),
            '[' => skip_class(&mut characters),
            '(' => {
                depth += 1;
                let inner = characters.as_str();
                !inner.starts_with('*') && (!inner.starts_with('?') || inner.starts_with("?:"))
            }
            ')' => {
                let is_open = depth > 0;
                depth = depth.saturating_sub(1);
                is_open
            }
            '|' => depth > 0,
            _ => true,
        };
        if !is_known {
            return false;
        }
    }
    depth == 0
}

fn skip_escaped(characters: &mut Chars<'_>) -> bool {
    characters.next().is_some_and(|next| next.is_ascii_punctuation() || ESCAPED_LETTERS.contains(next))
}

/// Skips a class such as `[a-z]`. As its first character, `]` means itself, and `[` may begin a named class.
fn skip_class(characters: &mut Chars<'_>) -> bool {
    let mut is_empty = true;
    if characters.as_str().starts_with('^') {
        characters.next();
    }
    while let Some(character) = characters.next() {
        match character {
            ']' => return !is_empty,
            '[' => return false,
            '\\' if !skip_escaped(characters) => return false,
            _ => is_empty = false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_matches_only_names_with_the_prefix_is_accepted() {
        for pattern in [
            "^payment",
            "^payment$",
            "^payment.*",
            "^payment\\.(in|out)$",
            "^payment(?:-a|-b(c|d)?)+$",
            "^payment[a-z|()]+$",
            "^payment[^|\\]]x\\|y\\(",
            "^payment-\\d{1,3}$",
            "^payment(|-dead)$",
        ] {
            assert!(stays_below(pattern, "payment"), "{pattern}");
        }
    }

    #[test]
    fn a_variable_is_a_name_in_braces() {
        for (pattern, expected) in [
            ("^payment-{username}", true),
            ("^payment{2}{vhost}", true),
            ("^payment-{client_id", true),
            ("^payment-\\{x", true),
            ("^payment-\\d{1,3}", false),
            ("^payment{", false),
            ("^payment", false),
            ("", false),
        ] {
            assert_eq!(has_variable(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_may_match_other_names_is_refused() {
        for pattern in [
            "",
            ".*",
            "payment",
            "^pay",
            "^orders",
            "^Payment",
            "(^payment)",
            "^(payment|orders)",
            "^payment|^orders",
            "^payment|",
            "^payment.*|.*",
            "^payment(a)|b",
            "^payment?",
            "^payment*",
            "^payment{0}",
            "^payment+?",
            "^payment)|(",
            "^payment(",
            "^payment[",
            "^payment[]|(]|.*)",
            "^payment[^]|(]|.*)",
            "^payment[[:alpha:]|]",
            "^payment\\",
            "^payment\\Q(\\E|.*\\Q)\\E",
            "^payment\\c(|.*\\c)",
            "^payment[\\Q]\\E]",
            "^payment\\x28",
            "^payment(?i)",
            "^payment(?#()|.*(?#))",
            "^payment(?x)#(\n|.*#)\n",
            "^payment(*ACCEPT)",
            "^payment(?|a|b)",
            "^payment(?=a)",
        ] {
            assert!(!stays_below(pattern, "payment"), "{pattern}");
        }
    }
}

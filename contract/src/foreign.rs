//! Text from outside, and the two forms in which it is shown.
//!
//! The author of a name in a secret, a tag, an event or a broker's answer can write anything there. When people read
//! it, it must have no effect: not in a command that they paste, not in the Markdown of a chat, not in a mail.
//! As data (a notice, an incident event, a log line), it stays unchanged, inside JSON.

use std::iter::repeat_n;

use crate::text::cut_chat;

/// The longest name of a secret, with the hyphen and the six characters that its ARN adds.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
const SECRET_NAME_LIMIT: usize = 519;
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
const VERSION_LENGTHS: std::ops::RangeInclusive<usize> = 32..=64;
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
const FUNCTION_LIMIT: usize = 64;
/// A UUID has 36 characters.
const REQUEST_LIMIT: usize = 36;

/// Text from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign<'a>(&'a str);

/// What a value in a command is. Each has a pattern, and a word that replaces a value that does not match the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// The ARN or the name of a secret.
    Secret,
    /// A `VersionId`.
    Version,
    /// The name of a function.
    Function,
    /// Lambda's request id.
    Request,
}

impl<'a> Foreign<'a> {
    /// `text`, as it came.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// For a command: the text itself if it is a value of that kind, so that a shell reads it as one word and not as an
    /// option. Otherwise nothing.
    #[must_use]
    pub fn argument(self, argument: Argument) -> Option<&'a str> {
        argument.is_matched_by(self.0).then_some(self.0)
    }

    /// For people, in `limit` bytes at most and on one line. Each character that a chat or a mail client would interpret is
    /// replaced by a character that looks like it. Names, ARNs and times stay as they are.
    ///
    /// These have no effect in the result: Markdown (of Slack and `CommonMark`), entities, mentions, links with a scheme,
    /// line breaks, control characters, and characters that are invisible or change the direction of writing. A host name
    /// without a scheme stays as it is, because nothing distinguishes it from a name with a dot.
    #[must_use]
    pub fn chat(self, limit: usize) -> String {
        // Each character has at least one byte, so the characters that are cut off here would not fit.
        let mut characters = on_one_line(self.0).take(limit.saturating_add(1)).peekable();
        let mut text = String::new();
        let mut before = None;
        while let Some(character) = characters.next() {
            if character == '_' {
                let mut length = 1;
                while characters.next_if_eq(&'_').is_some() {
                    length += 1;
                }
                let kept = is_inside_word(before, characters.peek().copied());
                text.extend(repeat_n(if kept { '_' } else { 'ˍ' }, length));
            } else {
                text.push(neutral(before, character, characters.peek().copied()));
            }
            before = Some(character);
        }
        cut_chat(&text, limit)
    }

    /// For a terminal, in `limit` bytes at most and on one line: control characters, with them escape sequences, and
    /// characters that are invisible or change the direction of writing are replaced.
    #[must_use]
    pub fn terminal(self, limit: usize) -> String {
        let characters = on_one_line(self.0).take(limit.saturating_add(1));
        crate::text::cut(&characters.collect::<String>(), limit)
    }

    /// For an attribute that machines filter by, in `limit` bytes at most: the text without the characters that SNS and SQS
    /// refuse, and without control characters.
    #[must_use]
    pub fn attribute(self, limit: usize) -> String {
        let is_taken = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
        crate::text::cut(&self.0.chars().filter(is_taken).collect::<String>(), limit)
    }
}

impl Argument {
    /// The word in a command in the place of a value that somebody has to check first.
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Secret => "SECRET",
            Self::Version => "VERSION",
            Self::Function => "FUNCTION",
            Self::Request => "REQUEST",
        }
    }

    fn is_matched_by(self, text: &str) -> bool {
        match self {
            Self::Secret => match text.strip_prefix("arn:") {
                Some(rest) => is_secret_arn(rest),
                None => is_secret_name(text),
            },
            Self::Version => {
                VERSION_LENGTHS.contains(&text.len()) && consists_of(text, "-") && begins_as_word(text)
            }
            Self::Function => text.len() <= FUNCTION_LIMIT && consists_of(text, "-_") && begins_as_word(text),
            Self::Request => {
                let is_hex = text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
                text.len() <= REQUEST_LIMIT && is_hex && begins_as_word(text)
            }
        }
    }
}

/// `PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME`
fn is_secret_arn(rest: &str) -> bool {
    let parts: Vec<&str> = rest.splitn(6, ':').collect();
    let &[partition, "secretsmanager", region, account, "secret", name] = parts.as_slice() else {
        return false;
    };
    let is_place = |text: &str| {
        (2..=32).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    is_place(partition) && is_place(region) && is_account && is_secret_name(name)
}

/// ASCII letters, digits and `/_+=.@-`. A name is refused if a shell or the AWS CLI would read its beginning as something
/// else, such as an option or zsh's `=command`. It is also refused if it holds a mention.
fn is_secret_name(text: &str) -> bool {
    let begins = begins_as_word(text) || text.starts_with(['/', '_', '.']);
    let mentions = text.char_indices().filter(|(_, c)| *c == '@').any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        !is_inside_word(before.chars().next_back(), after.chars().next())
    });
    text.len() <= SECRET_NAME_LIMIT && consists_of(text, "/_+=.@-") && begins && !mentions
}

fn consists_of(text: &str, others: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn begins_as_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The characters of `text`. Each run of white space becomes one blank (none at the beginning), and a mark replaces each
/// invisible character.
fn on_one_line(text: &str) -> impl Iterator<Item = char> {
    let mut blank = true;
    text.chars().filter_map(move |character| {
        let was_blank = std::mem::replace(&mut blank, character.is_whitespace());
        match character {
            _ if blank => (!was_blank).then_some(' '),
            c if c.is_control() || is_invisible(c) => Some(char::REPLACEMENT_CHARACTER),
            c => Some(c),
        }
    })
}

/// Format characters, fillers and noncharacters: they have no width, or an effect on the characters beside them.
/// <https://www.unicode.org/reports/tr36/> (Unicode security considerations)
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// `character` between its neighbours, or a character that looks like it and has no effect.
fn neutral(before: Option<char>, character: char, after: Option<char>) -> char {
    match character {
        '<' => '‹',
        '>' => '›',
        '&' => '＆',
        '*' => '∗',
        '~' => '∼',
        '|' => '¦',
        '[' => '［',
        ']' => '］',
        '`' => '\'',
        // An address stays an address. A mention begins with `@`.
        '@' if !is_inside_word(before, after) => '＠',
        // `https://`
        '/' if before == Some(':') && after == Some('/') => '∕',
        // At the beginning of a line: a heading, a list, an underline.
        '#' if before.is_none() => '＃',
        '-' if before.is_none() => '‐',
        '+' if before.is_none() => '＋',
        '=' if before.is_none() => '＝',
        other => other,
    }
}

/// Emphasis and mentions need the border of a word. `payment_clone` has none at its underscore.
/// <https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis>
fn is_inside_word(before: Option<char>, after: Option<char>) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    is_word(before) && is_word(after)
}

#[cfg(test)]
mod tests;

//! Text on a terminal: foreign text, widths, and the wrapping of lines.

use contract::Foreign;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The longest foreign text on the screen, in bytes.
const LIMIT: usize = 1_000;

/// Text from outside. Control characters, escape sequences and characters that change the direction of writing have no effect.
#[must_use]
pub fn foreign(text: &str) -> String {
    Foreign::new(text).terminal(LIMIT)
}

/// The beginning of an id, for people.
#[must_use]
pub fn short_version(id: &str) -> String {
    let short: String = foreign(id).chars().take(8).collect();
    short
}

/// How many columns the text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `width` columns.
#[must_use]
pub fn cut_to_width(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut cut, mut used) = (String::new(), 1);
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        cut.push(character);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// The text in lines of at most `width` columns. A word that is longer is broken.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().map(|line| line.width()).unwrap_or_default();
        let gap = usize::from(line > 0);
        if line + gap + word.width() <= width {
            if let Some(line) = lines.last_mut() {
                line.push_str(if gap == 1 { " " } else { "" });
                line.push_str(word);
            }
            continue;
        }
        if line > 0 {
            lines.push(String::new());
        }
        for character in word.chars() {
            let is_full =
                lines.last().is_some_and(|line| line.width() + character.width().unwrap_or(0) > width);
            if is_full {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(character);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_has_no_effect_on_the_terminal() {
        for (text, expected) in [
            ("payment", "payment"),
            ("\u{1b}[2J\u{1b}]0;owned\u{7}", "\u{fffd}[2J\u{fffd}]0;owned\u{fffd}"),
            ("a\r\nb\tc", "a b c"),
            ("\u{202e}drowssap", "\u{fffd}drowssap"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("a*b_c <d>", "a*b_c <d>"),
        ] {
            assert_eq!(foreign(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_fit_the_terminal() {
        assert_eq!(cut_to_width("rotation", 20), "rotation");
        assert_eq!(cut_to_width("rotation", 5), "rota…");
        assert_eq!(width(&cut_to_width("秘密の値", 5)), 5);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("rabbitmq/payment", 8), ["rabbitmq", "/payment"]);
        assert_eq!(wrap("", 8), [""]);
        for width in 1..30 {
            for line in wrap("a few words and a-very-long-one 秘密", width.max(2)) {
                assert!(super::width(&line) <= width.max(2), "{width}: {line}");
            }
        }
    }
}

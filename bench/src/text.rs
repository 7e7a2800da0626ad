//! Lines of prose.

/// The width of a line of text.
const WIDTH: usize = 126;

/// Breaks a text into lines. Further lines of an item are indented.
pub fn wrapped(text: &str) -> String {
    let indent = if text.starts_with("- ") { "  " } else { "" };
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        let begins = line.trim().is_empty();
        if !begins && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, format!("{indent}{word}")));
        } else {
            line = if begins { format!("{line}{word}") } else { format!("{line} {word}") };
        }
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_between_words_and_an_item_is_indented() {
        let text = wrapped(&format!("- {}", "word ".repeat(40)));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("- word") && lines[1].starts_with("  word"), "{text}");
        assert_eq!(wrapped("short"), "short");
    }
}

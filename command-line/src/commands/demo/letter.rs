//! An alert as SNS sends it by email.

use anyhow::{Context as _, Result};
use contract::Alert;
use serde_json::Value;

use crate::commands::report::say;

/// Shows the email in a frame.
pub fn show(alert: &Value) -> Result<()> {
    let alert: Alert = serde_json::from_value(alert.clone()).context("this is no alert")?;
    say(&format!("\n    +-- Subject: {}", alert.subject()));
    for line in alert.mail().lines() {
        for part in wrapped(line) {
            say(&format!("    | {part}"));
        }
    }
    say("    +--\n");
    Ok(())
}

/// Shows commands of a playbook.
pub fn show_commands(block: &str) {
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        say(&format!("    $ {line}"));
    }
}

/// Splits a line of an email into lines that fit a terminal. Every line keeps the indent of the first.
fn wrapped(line: &str) -> Vec<String> {
    const WIDTH: usize = 110;
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let mut lines = Vec::new();
    let mut current = indent.clone();
    for word in line.split_whitespace() {
        if current.len() > indent.len() && current.len() + 1 + word.len() > WIDTH {
            lines.push(std::mem::replace(&mut current, format!("{indent}   ")));
        } else if current.trim().is_empty() {
            current.truncate(indent.len());
        } else {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_wrapped_between_words_and_keeps_its_indent() {
        let line = format!("  1. {}", "word ".repeat(40));
        let lines = wrapped(line.trim_end());
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 110), "{lines:?}");
        assert!(lines.iter().all(|line| line.starts_with("  ")), "{lines:?}");
        assert_eq!(wrapped(""), [""]);
    }
}

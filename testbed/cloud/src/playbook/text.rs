//! The commands in a page's text: in fenced shell blocks, and between backticks in its sentences.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

/// Text between backticks that begins like a command and is not a command.
const NO_COMMANDS: [&str; 2] =
    ["machine HOST login NAME password PASSWORD", "the notice could not be published"];

/// The beginning of a command of the command line for people.
const SECOPS: &str = "secops ";

/// The fenced shell blocks. In a list they are indented.
pub(super) fn blocks(text: &str) -> Result<Vec<String>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match &mut open {
            None if line.trim_start() == "```sh" => open = Some((indent, String::new())),
            None => {}
            Some(_) if line.trim() == "```" => blocks.extend(open.take().map(|(_, block)| block)),
            Some((depth, block)) => writeln!(block, "{}", line.get(*depth..).unwrap_or_default())?,
        }
    }
    ensure!(open.is_none(), "a block has no end");
    Ok(blocks)
}

/// The texts between two backticks, outside of fences, that begin with a program's name and have more words. Those of
/// the command line `secops` are [`secops_commands`].
#[must_use]
pub fn commands_in_sentences(text: &str) -> Vec<String> {
    let commands = commands(text).into_iter();
    commands.filter(|command| !command.starts_with(SECOPS)).collect()
}

/// The commands of `secops` in the sentences of a page, each once, in the order of the page.
#[must_use]
pub fn secops_commands(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for command in commands(text).into_iter().filter(|command| command.starts_with(SECOPS)) {
        if !found.contains(&command) {
            found.push(command);
        }
    }
    found
}

fn commands(text: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            outside.push_str(line.trim());
            outside.push(' ');
        }
    }
    let spans = outside.split('`').skip(1).step_by(2).map(str::trim);
    spans.filter(|span| is_command(span)).map(str::to_owned).collect()
}

fn is_command(span: &str) -> bool {
    let begins = span.strip_prefix("(umask 077; ").unwrap_or(span);
    let program = begins.split_once(' ').map_or("", |(program, _)| program);
    let is_program = !program.is_empty() && program.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    is_program && !NO_COMMANDS.contains(&span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_in_fences_and_between_backticks_on_one_line_or_two() {
        let page = "See `kind`, then `aws mq\n   list-brokers` and\n1. so:\n\n   ```sh\n   jq . `x y`\n   ```\n\n`(umask 077; jq . a)`,\n`cron(0 2 ...)`: `testOnly: true`, `machine HOST login NAME password PASSWORD`.\n";
        assert_eq!(blocks(page).unwrap_or_default(), ["jq . `x y`\n"]);
        assert_eq!(commands_in_sentences(page), ["aws mq list-brokers", "(umask 077; jq . a)"]);
    }

    #[test]
    fn a_command_of_secops_is_found_once_and_apart_from_the_others() {
        let page = "Run `secops rotate\n   X --follow`. Without `secops`: `aws mq list-brokers`, or `secops rotate X --follow`.\n";
        assert_eq!(secops_commands(page), ["secops rotate X --follow"]);
        assert_eq!(commands_in_sentences(page), ["aws mq list-brokers"]);
    }
}

//! The playbooks on a terminal. It understands the Markdown of this repository, and no more: headings, paragraphs, lists,
//! tables, blocks of code, and inside a line emphasis, code and links.

use super::table::Table;
use super::text::wrap;
use super::{Screen, Style};

/// Longer lines are hard to read.
const WIDEST: usize = 100;

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Heading(String),
    Paragraph(String),
    /// Its indentation, its mark, and its text.
    Item(usize, String, String),
    /// Its indentation, and its lines.
    Code(usize, Vec<String>),
    Table(Vec<Vec<String>>),
}

/// The page for a screen. Commands are never wrapped, so that they can be copied.
#[must_use]
pub fn render(page: &str, screen: &Screen) -> String {
    let width = screen.width.unwrap_or(WIDEST).min(WIDEST);
    let mut lines: Vec<String> = Vec::new();
    let mut was_item = false;
    for block in blocks(page) {
        let is_item = matches!(block, Block::Item(..));
        let continues = is_item && was_item;
        if !lines.is_empty() && !continues {
            lines.push(String::new());
        }
        was_item = is_item;
        lines.extend(block_lines(&block, width, screen));
    }
    lines.join("\n")
}

fn block_lines(block: &Block, width: usize, screen: &Screen) -> Vec<String> {
    match block {
        Block::Heading(text) => {
            wrap(&plain(text), width).iter().map(|line| screen.paint(Style::Bold, line)).collect()
        }
        Block::Paragraph(text) => wrap(&plain(text), width),
        Block::Item(indentation, mark, text) => {
            let hanging = indentation + mark.len() + 1;
            let lines = wrap(&plain(text), width.saturating_sub(hanging));
            let begin = |at: usize| match at {
                0 => format!("{}{mark} ", " ".repeat(*indentation)),
                _ => " ".repeat(hanging),
            };
            lines.iter().enumerate().map(|(at, line)| format!("{}{line}", begin(at))).collect()
        }
        Block::Code(indentation, lines) => {
            let begin = " ".repeat(indentation + 4);
            lines.iter().map(|line| format!("{begin}{}", screen.paint(Style::Good, line))).collect()
        }
        Block::Table(rows) => table_lines(rows, width, screen),
    }
}

fn table_lines(rows: &[Vec<String>], width: usize, screen: &Screen) -> Vec<String> {
    let Some((head, rows)) = rows.split_first() else { return Vec::new() };
    let head: Vec<String> = head.iter().map(|cell| plain(cell)).collect();
    let mut table = Table::new(&head.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        table.row(row.iter().map(|cell| plain(cell).into()).collect());
    }
    let fitting = Screen { width: Some(width), ..screen.clone() };
    table.lines(&fitting).lines().map(str::to_owned).collect()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let rest = line.trim_start();
        let indentation = line.len() - rest.len();
        if rest.is_empty() || rest.starts_with("<a id=") {
            continue;
        }
        if let Some(heading) = rest.strip_prefix('#') {
            blocks.push(Block::Heading(heading.trim_start_matches('#').trim().to_owned()));
        } else if rest.starts_with("```") {
            let code = lines.by_ref().take_while(|line| line.trim() != "```");
            let strip = |line: &str| line.get(indentation.min(line.len())..).unwrap_or(line).to_owned();
            blocks.push(Block::Code(indentation, code.map(strip).collect()));
        } else if rest.starts_with('|') {
            let mut rows = vec![cells(rest)];
            while let Some(row) = lines.next_if(|line| line.trim_start().starts_with('|')) {
                let is_rule = row.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
                rows.extend((!is_rule).then(|| cells(row.trim_start())));
            }
            blocks.push(Block::Table(rows));
        } else {
            let (mark, first) = mark(rest).unwrap_or(("", rest));
            let mut text = first.to_owned();
            let is_more = |line: &&str| {
                let next = line.trim_start();
                let is_other = next.is_empty() || next.starts_with("```") || next.starts_with('|');
                !is_other
                    && !next.starts_with('#')
                    && !next.starts_with("<a id=")
                    && self::mark(next).is_none()
            };
            while let Some(line) = lines.next_if(is_more) {
                text.push(' ');
                text.push_str(line.trim());
            }
            blocks.push(match mark {
                "" if indentation == 0 => Block::Paragraph(text),
                mark => Block::Item(indentation, mark.to_owned(), text),
            });
        }
    }
    blocks
}

/// The mark of an item of a list, and the text after it.
fn mark(line: &str) -> Option<(&str, &str)> {
    let (mark, text) = line.split_once(' ')?;
    let is_number =
        mark.strip_suffix('.').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    (mark == "-" || is_number).then_some((mark, text.trim_start()))
}

fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').trim_end_matches('|');
    row.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The text without its markup. Stars in code stay as they are.
fn plain(text: &str) -> String {
    let text = without_links(text.to_owned());
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part.replace("**", "") } else { part.to_owned() }).collect()
}

/// Links show their text, which may be code.
fn without_links(mut text: String) -> String {
    let mut from = 0;
    while let Some(middle) = text.get(from..).and_then(|rest| rest.find("](")).map(|at| from + at) {
        let start = text.get(..middle).and_then(|before| before.rfind('['));
        let end = text.get(middle..).and_then(|after| after.find(')')).map(|at| middle + at);
        if let (Some(start), Some(end)) = (start, end) {
            text.replace_range(middle..=end, "");
            text.remove(start);
            from = middle - 1;
        } else {
            from = middle + 2;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbooks::PAGES;
    use crate::screen::text::width;

    const SCREEN: Screen = Screen { width: Some(80), has_colour: false };

    #[test]
    fn the_markup_is_gone_and_the_commands_are_whole() {
        let page = "<a id=\"x\"></a>\n## A **bad** [day](page.md#x)\n\nOne [`aws s3 **`](x.md) and\nanother line.\n\n\
                    1. First\n   of all.\n2. Then:\n\n   ```sh\n   a --b \\\n     c\n   ```\n\n\
                    | a | b |\n|---|---|\n| `x` | why |\n";
        let expected = "A bad day\n\nOne aws s3 ** and another line.\n\n1. First of all.\n2. Then:\n\n       a --b \\\n         c\n\n\
                        a  b\nx  why";
        assert_eq!(render(page, &SCREEN), expected);
    }

    #[test]
    fn every_playbook_fits_a_terminal_of_80_columns_except_its_commands() {
        for (name, page) in PAGES {
            let shown = render(page, &SCREEN);
            let too_wide = shown.lines().filter(|line| !line.starts_with("    ") && width(line) > 80);
            assert_eq!(too_wide.collect::<Vec<_>>(), Vec::<&str>::new(), "{name}");
            assert!(!shown.contains("**") && !shown.contains("<a id") && !shown.contains("]("), "{name}");
        }
    }

    #[test]
    fn no_command_of_a_playbook_is_changed() {
        for (name, page) in PAGES {
            let shown = render(page, &SCREEN);
            let commands = blocks(page).into_iter().filter_map(|block| match block {
                Block::Code(_, lines) => Some(lines),
                _ => None,
            });
            for line in commands.flatten() {
                assert!(shown.lines().any(|shown| shown.trim() == line.trim()), "{name}: {line}");
            }
        }
    }
}

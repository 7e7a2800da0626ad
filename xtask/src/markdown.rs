//! A small reader of Markdown for the rules about documents. It finds code, links and anchors, with their lines.

use std::collections::{BTreeMap, BTreeSet};

/// A piece of a document and its first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub line: usize,
    pub text: String,
}

/// The contents of a document.
#[derive(Debug, Default)]
pub struct Document {
    /// The lines of code blocks. A line that ends in a backslash is joined to the next.
    pub block_lines: Vec<Piece>,
    /// The text between backticks.
    pub spans: Vec<Piece>,
    /// The targets of links and images.
    pub links: Vec<Piece>,
    /// The anchors: each `id="…"`, and the slugs of the headings.
    pub anchors: BTreeSet<String>,
}

/// Reads a document.
pub fn read(text: &str) -> Document {
    let mut document = Document::default();
    let mut fence: Option<String> = None;
    let mut continued: Option<Piece> = None;
    // The text without code blocks, in lines of the same numbers.
    let mut prose = String::new();
    let mut headings = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        if let Some(mark) = &fence {
            if trimmed.starts_with(mark.as_str()) && trimmed.trim_end().chars().all(|c| mark.starts_with(c)) {
                fence = None;
                document.block_lines.extend(continued.take());
            } else {
                add_block_line(&mut document.block_lines, &mut continued, number, line);
            }
        } else if let Some(mark) = fence_mark(trimmed) {
            fence = Some(mark);
        } else {
            if let Some(heading) = heading(line) {
                document.anchors.insert(unique_slug(heading, &mut headings));
            }
            prose += line;
        }
        prose.push('\n');
    }
    document.block_lines.extend(continued);
    let prose = take_spans(&prose, &mut document.spans);
    document.links = links(&prose);
    document.anchors.extend(ids(&prose));
    document
}

/// Three or more of one of the two characters that begin a code block.
fn fence_mark(line: &str) -> Option<String> {
    let first = line.chars().next().filter(|first| matches!(first, '`' | '~'))?;
    let mark: String = line.chars().take_while(|c| *c == first).collect();
    (mark.len() >= 3 && !line[mark.len()..].contains('`')).then_some(mark)
}

fn add_block_line(lines: &mut Vec<Piece>, continued: &mut Option<Piece>, line: usize, text: &str) {
    let mut piece = continued.take().unwrap_or(Piece { line, text: String::new() });
    piece.text += text;
    match piece.text.trim_end().strip_suffix('\\') {
        Some(begun) => {
            *continued = Some(Piece { line: piece.line, text: format!("{} ", begun.trim_end()) });
        }
        None => lines.push(piece),
    }
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    ((1..=6).contains(&level) && text.starts_with(' ')).then(|| text.trim().trim_end_matches(" #"))
}

/// GitHub's rule: letters, digits, `-` and `_` in lower case, blanks as `-`, and a number if the slug is not new.
fn unique_slug(heading: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let slug: String = without_targets(heading)
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    let count = seen.entry(slug.clone()).or_default();
    *count += 1;
    if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
}

/// A heading without the targets of its links.
fn without_targets(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        text += before;
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text + rest
}

/// Moves the text between backticks to `spans`. A span ends at the end of its paragraph at the latest.
fn take_spans(prose: &str, spans: &mut Vec<Piece>) -> String {
    let mut text = String::new();
    let mut rest = prose;
    while let Some(at) = rest.find('`') {
        text += &rest[..at];
        let ticks: String = rest[at..].chars().take_while(|c| *c == '`').collect();
        let after = &rest[at + ticks.len()..];
        let paragraph = after.split("\n\n").next().unwrap_or_default();
        let Some(end) = closing(paragraph, &ticks) else {
            text += &ticks;
            rest = after;
            continue;
        };
        let line = 1 + text.matches('\n').count();
        let words: Vec<&str> = paragraph[..end].split_whitespace().collect();
        spans.push(Piece { line, text: words.join(" ") });
        // Keep the line numbers of the following text.
        text.extend(paragraph[..end].chars().filter(|c| *c == '\n'));
        rest = &after[end + ticks.len()..];
    }
    text + rest
}

/// The position of exactly this number of backticks.
fn closing(paragraph: &str, ticks: &str) -> Option<usize> {
    paragraph
        .match_indices(ticks)
        .map(|(at, _)| at)
        .find(|at| !paragraph[..*at].ends_with('`') && !paragraph[at + ticks.len()..].starts_with('`'))
}

fn links(prose: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    for (opening, closing) in [("](", ')'), ("href=\"", '"'), ("src=\"", '"'), ("]: ", '\n')] {
        for (at, _) in prose.match_indices(opening) {
            let begin_of_line = prose[..at].rsplit('\n').next().unwrap_or_default();
            if opening == "]: " && !begin_of_line.starts_with('[') {
                continue;
            }
            let after = &prose[at + opening.len()..];
            let target = after.split(closing).next().unwrap_or_default();
            // A title may follow.
            let target = target.split_whitespace().next().unwrap_or_default();
            let text = target.trim_start_matches('<').trim_end_matches('>').to_owned();
            found.push(Piece { line: 1 + prose[..at].matches('\n').count(), text });
        }
    }
    found.sort_by_key(|link| link.line);
    found
}

fn ids(prose: &str) -> impl Iterator<Item = String> {
    prose.split(" id=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
}

#[cfg(test)]
mod tests;

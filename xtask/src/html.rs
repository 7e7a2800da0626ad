//! A small reader of HTML for the rule about links. It finds the targets of links and the ids that they can lead to.

use crate::markdown::{Document, Piece};

/// Reads a page. It ignores scripts and comments.
pub fn read(text: &str) -> Document {
    let mut document = Document::default();
    let mut at = 0;
    while let Some(found) = text[at..].find('<') {
        let begin = at + found + 1;
        let tag = &text[begin..];
        if let Some(comment) = tag.strip_prefix("!--") {
            at = begin + 3 + comment.find("-->").unwrap_or(comment.len());
            continue;
        }
        let end = end_of_tag(tag);
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        for (attribute, value) in attributes(&tag[name.len().min(end)..end]) {
            match attribute {
                "id" => _ = document.anchors.insert(decoded(value)),
                // The base of the page's other links.
                "href" if name == "base" => {}
                "href" | "src" => {
                    let line = 1 + text[..begin].matches('\n').count();
                    document.links.push(Piece { line, text: decoded(value) });
                }
                _ => {}
            }
        }
        at = begin + end;
        if matches!(name, "script" | "style") {
            let closing = format!("</{name}");
            at += text[at..].find(&closing).unwrap_or(text.len() - at);
        }
    }
    document
}

/// The `>` that is not in an attribute's value, or the end of the text.
fn end_of_tag(tag: &str) -> usize {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match quote {
            None if c == '>' => return at,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(open) if open == c => quote = None,
            _ => {}
        }
    }
    tag.len()
}

/// The names and values of a tag's attributes that have a value.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.split(|c: char| c.is_whitespace() || c == '/').next_back().unwrap_or_default();
        let (value, next) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.push((name, value));
        rest = next;
    }
    found
}

/// A value without HTML's character references and without URLs' percent-encoding.
pub fn decoded(value: &str) -> String {
    let mut text = value.to_owned();
    for (reference, character) in
        [("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
    {
        text = text.replace(reference, character);
    }
    percent_decoded(&text)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn links_and_ids_are_read_from_tags_alone() {
        let page = "<base href=\"/\"><h1 id=\"a.b\"><a class='header' href=\"#a.b\">x = \"1\"</a></h1>\n\
                    <!-- <a href=\"no.html\"> -->\n<script src=\"s.js\">let t = '<a href=\"no.html\">';</script>\n\
                    <img alt=\"a > b\" src=\"p%20q.svg\"><a href='?a=1&amp;b#c'>href=\"no\"</a><br/>";
        let document = read(page);
        assert_eq!(document.anchors, BTreeSet::from(["a.b".to_owned()]));
        let links: Vec<_> = document.links.iter().map(|link| (link.line, link.text.as_str())).collect();
        assert_eq!(links, [(1, "#a.b"), (3, "s.js"), (4, "p q.svg"), (4, "?a=1&b#c")]);
    }

    #[test]
    fn a_page_that_ends_too_early_is_read_to_its_end() {
        assert_eq!(read("<a href=\"x.html").links.len(), 1);
        assert_eq!(read("<!-- ").links.len(), 0);
        assert_eq!(read("<script>").links.len(), 0);
        assert_eq!(decoded("100%"), "100%");
    }
}

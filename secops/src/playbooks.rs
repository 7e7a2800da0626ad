//! The playbooks, which the program contains: they can be read when nothing else works.

use contract::Kind;

/// Each page, with the name of its file.
pub const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/playbooks.rs"));

/// What a person can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The name of the page's file.
    pub page: &'static str,
    /// The kind, if it is the section of one.
    pub kind: Option<Kind>,
    /// Markdown.
    pub text: &'static str,
}

/// The section of a kind or of another anchor, or a whole page by the name of its file.
#[must_use]
pub fn find(name: &str) -> Option<Section> {
    let kind = Kind::parse(name);
    let anchor = kind.map_or_else(|| name.to_owned(), |kind| kind.as_str().to_owned());
    let section = PAGES.iter().find_map(|(page, text)| Some((page, section(text, &anchor)?)));
    if let Some((page, text)) = section {
        return Some(Section { page, kind, text });
    }
    let is_it = |page: &str| page == name || page.strip_suffix(".md") == Some(name);
    PAGES.iter().find(|(page, _)| is_it(page)).map(|(page, text)| Section { page, kind: None, text })
}

/// Where a playbook says what to do about a kind, as a command of this program.
#[must_use]
pub fn hint(kind: &str) -> String {
    match Kind::parse(kind) {
        Some(kind) => format!("secops explain {kind}"),
        None => "secops explain".to_owned(),
    }
}

/// From the heading after the anchor to the next heading of the same level or of a higher one.
fn section(text: &'static str, anchor: &str) -> Option<&'static str> {
    let mark = format!("<a id=\"{anchor}\"></a>\n");
    let text = text.get(text.find(&mark)? + mark.len()..)?;
    let level = text.bytes().take_while(|byte| *byte == b'#').count();
    let (mut at, mut is_code) = (0, false);
    for line in text.split_inclusive('\n') {
        is_code ^= line.trim_start().starts_with("```");
        let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
        let is_next = at > 0 && !is_code && (1..=level).contains(&hashes);
        if is_next || (at > 0 && line.starts_with("<a id=")) {
            break;
        }
        at += line.len();
    }
    text.get(..at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_a_page_has_a_section_for_is_found_there() {
        for kind in Kind::ALL {
            let playbook = kind.playbook();
            let (page, _) = playbook.split_once('#').unwrap_or_default();
            let anchor = format!("<a id=\"{kind}\"></a>");
            let has_section = PAGES.iter().any(|(name, text)| *name == page && text.contains(&anchor));
            let found = find(kind.as_str());
            assert_eq!(found.is_some(), has_section, "{kind}");
            if let Some(section) = found {
                assert_eq!((section.page, section.kind), (page, Some(*kind)));
                assert!(section.text.starts_with('#') && section.text.contains(kind.as_str()), "{kind}");
                assert!(!section.text.contains("<a id="), "{kind}: {}", section.text);
            }
        }
    }

    #[test]
    fn a_page_is_found_by_its_name() {
        for name in ["leaked-credential", "leaked-credential.md"] {
            assert!(find(name).is_some_and(|found| found.text.starts_with("# ")), "{name}");
        }
        assert_eq!(find("nothing.known"), None);
    }
}

//! Checks that the targets of all links exist, in the built book and in the other Markdown files. It does not check
//! links to other sites.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::markdown::{self, Piece};
use crate::{html, workspace};

/// The pages of the book. They are checked after the book is built.
const BOOK: &str = "docs/src/";

/// The broken links of the Markdown files outside the book, one line each.
///
/// # Errors
/// When a file cannot be read.
pub fn markdown_violations() -> Result<Vec<String>> {
    let mut site = Site::default();
    for file in workspace::files(&[])? {
        let document = if file.ends_with(".md") {
            markdown::read(&workspace::read(&file)?)
        } else {
            markdown::Document::default()
        };
        if !file.starts_with(BOOK) {
            site.links.extend(document.links.into_iter().map(|link| (file.clone(), link)));
        }
        site.anchors.insert(file, document.anchors);
    }
    Ok(site.violations())
}

/// The broken links of the built book, the pages that are in no chapter, and the failed includes.
///
/// # Errors
/// When the book cannot be read.
pub fn book_violations(book: &Path) -> Result<Vec<String>> {
    let mut site = Site::default();
    let mut not_included = Vec::new();
    for file in files_below(book, "")? {
        if !file.ends_with(".html") {
            site.anchors.insert(file, BTreeSet::new());
            continue;
        }
        let page = book.join(&file);
        let text = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        if text.contains("{{#include") {
            not_included.push(format!("{file}: mdbook did not find what `{{{{#include …}}}}` names"));
        }
        let document = html::read(&text);
        site.links.extend(document.links.into_iter().map(|link| (file.clone(), link)));
        site.anchors.insert(file, document.anchors);
    }
    let pages = workspace::files(&["docs/src/*.md"])?;
    let orphans = orphans(&pages, &site);
    Ok(site.violations().into_iter().chain(not_included).chain(orphans).collect())
}

/// Pages that exist, but are not in the book.
fn orphans(pages: &[String], site: &Site) -> Vec<String> {
    let is_built = |page: &str| {
        let name = page.strip_prefix(BOOK).and_then(|name| name.strip_suffix(".md")).unwrap_or_default();
        let page =
            name.strip_suffix("README").map_or_else(|| name.to_owned(), |folder| format!("{folder}index"));
        name == "SUMMARY" || site.anchors.contains_key(&format!("{page}.html"))
    };
    let missing = pages.iter().filter(|page| !is_built(page));
    missing.map(|page| format!("{page} is in no chapter of docs/src/SUMMARY.md")).collect()
}

/// Files with links between them.
#[derive(Debug, Default)]
struct Site {
    /// The anchors of each file.
    anchors: BTreeMap<String, BTreeSet<String>>,
    links: Vec<(String, Piece)>,
}

impl Site {
    fn violations(&self) -> Vec<String> {
        let found = |(file, link): &(String, Piece)| {
            let problem = self.problem(file, &link.text)?;
            Some(format!("{file}:{}: the link to `{}` {problem}", link.line, link.text))
        };
        let mut violations: Vec<String> = self.links.iter().filter_map(found).collect();
        violations.dedup();
        violations
    }

    fn problem(&self, file: &str, link: &str) -> Option<String> {
        if is_elsewhere(link) {
            return None;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = path.split('?').next().unwrap_or_default();
        let Some(target) = resolve(file, path) else {
            return Some("leads out of the folder that is published".to_owned());
        };
        let Some((target, anchors)) = self.find(file, &target) else {
            return Some(format!("leads to `{target}`, which does not exist"));
        };
        let has_anchors = [".md", ".html"].iter().any(|extension| target.ends_with(extension));
        (has_anchors && !anchor.is_empty() && !anchors.contains(anchor))
            .then(|| format!("leads to `{target}`, which has no `{anchor}`"))
    }

    /// Whether the target is a file, or a folder: with an index in a book, with any file in the repository.
    fn find(&self, from: &str, target: &str) -> Option<(String, &BTreeSet<String>)> {
        let folder = target.trim_end_matches('/');
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let index = format!("{below}index.html");
        let exact = [target, index.as_str()].into_iter().find_map(|name| self.anchors.get_key_value(name));
        let inside = || {
            let mut files = self.anchors.keys();
            (from.ends_with(".md") && files.any(|file| file.starts_with(&below)))
                .then(|| (folder.to_owned(), &EMPTY))
        };
        exact.map(|(name, anchors)| (name.clone(), anchors)).or_else(inside)
    }
}

static EMPTY: BTreeSet<String> = BTreeSet::new();

/// Whether a link names its protocol or its host: `https:`, `mailto:`, `data:`, `//host`.
fn is_elsewhere(link: &str) -> bool {
    let scheme = link.split_once(':').map_or("", |(scheme, _)| scheme);
    link.starts_with("//") || !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The path of a link, relative to the top folder. `None` if it leads out of that folder.
fn resolve(file: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(file.to_owned());
    }
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The files of a folder and the folders in it, by their paths from there.
fn files_below(folder: &Path, prefix: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path(), &format!("{name}/"))?);
        } else {
            files.push(name);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &[&str])], links: &[(&str, &str)]) -> Site {
        let anchors = |anchors: &[&str]| anchors.iter().map(|anchor| (*anchor).to_owned()).collect();
        let link = |text: &str| Piece { line: 7, text: text.to_owned() };
        Site {
            anchors: files.iter().map(|(file, ids)| ((*file).to_owned(), anchors(ids))).collect(),
            links: links.iter().map(|(file, text)| ((*file).to_owned(), link(text))).collect(),
        }
    }

    const FILES: &[(&str, &[&str])] =
        &[("README.md", &["deploy"]), ("docs/a.md", &["x.y"]), ("docs/index.html", &["top"]), ("p.svg", &[])];

    #[test]
    fn links_that_lead_to_something_are_no_violation() {
        for (file, link) in [
            ("README.md", "docs/a.md"),
            ("README.md", "docs/a.md#x.y"),
            ("README.md", "#deploy"),
            ("README.md", "docs/"),
            ("README.md", "p.svg#anything"),
            ("README.md", "https://example.com/x#y"),
            ("README.md", "mailto:security@example.com"),
            ("docs/a.md", "../README.md#deploy"),
            ("docs/index.html", "./#top"),
            ("docs/index.html", "../docs/?search=x"),
            ("docs/index.html", "#"),
        ] {
            assert_eq!(site(FILES, &[(file, link)]).violations(), Vec::<String>::new(), "{link}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found_with_their_line() {
        for (file, link, expected) in [
            (
                "README.md",
                "docs/b.md",
                "README.md:7: the link to `docs/b.md` leads to `docs/b.md`, which does not exist",
            ),
            ("README.md", "docs/a.md#z", "`docs/a.md`, which has no `z`"),
            ("README.md", "#Deploy", "has no `Deploy`"),
            ("docs/a.md", "../../README.md", "leads out of"),
            ("docs/a.md", "/README.md", "leads out of"),
            ("README.md", "infra/", "does not exist"),
            // A server answers a folder with its index.
            ("docs/index.html", "../", "does not exist"),
        ] {
            let found = site(FILES, &[(file, link)]).violations().join("\n");
            assert!(found.contains(expected), "{link}: {found}");
        }
    }

    #[test]
    fn a_page_that_is_in_no_chapter_is_found() {
        let book = site(&[("a.html", &[]), ("sub/index.html", &[])], &[]);
        let page = |name: &str| format!("docs/src/{name}.md");
        let pages = ["SUMMARY", "a", "sub/README", "lost"].map(page);
        assert_eq!(orphans(&pages, &book), ["docs/src/lost.md is in no chapter of docs/src/SUMMARY.md"]);
    }
}

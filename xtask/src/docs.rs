//! `docs`: builds the book of `docs/` with its search, and checks all documents.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::checks::Checks;
use crate::{cargo_tool, command_rules, configuration_rules, link_rules, pictures, step, workspace};

/// Builds the book into `target/docs` and checks the documents. With `draw`, draws the pictures first.
///
/// # Errors
/// When a tool cannot be installed, the book cannot be built, or a document is wrong.
pub fn run(draw: bool) -> Result<()> {
    if draw {
        pictures::draw()?;
    }
    let mut checks = Checks::default();
    rules(&mut checks)?;
    book(&mut checks)?;
    checks.verdict()?;
    println!("the book: {}", folder().join("index.html").display());
    Ok(())
}

/// The checks that need neither the built book nor a tool.
///
/// # Errors
/// When a file cannot be read.
pub fn rules(checks: &mut Checks) -> Result<()> {
    checks.rule("links of the Markdown files", &link_rules::markdown_violations()?);
    checks.rule("commands, paths and parameters in the documents", &command_rules::violations()?);
    checks.rule("each parameter and variable in the book", &configuration_rules::violations()?);
    checks.rule("the pictures are those of their texts", &pictures::violations()?);
    Ok(())
}

/// Builds the book and checks its links.
///
/// # Errors
/// When mdbook cannot be installed, or the built book cannot be read.
pub fn book(checks: &mut Checks) -> Result<()> {
    let mdbook = cargo_tool::program(&cargo_tool::MDBOOK)?;
    let what = "build the book";
    let next = "fix what it names in docs/book.toml or docs/src";
    let built = step::quiet(what, &mut build_command(&mdbook), next);
    if checks.step(what, built).is_some() {
        checks.rule("links of the book", &link_rules::book_violations(&folder())?);
    }
    Ok(())
}

fn build_command(mdbook: &Path) -> Command {
    let mut build = workspace::program(mdbook);
    build.args(["build", "docs", "--dest-dir"]).arg(folder());
    // mdbook would write an empty page for each page that SUMMARY.md names and that does not exist.
    build.env("MDBOOK_BUILD__CREATE_MISSING", "false");
    build
}

fn folder() -> PathBuf {
    workspace::target().join("docs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_is_built_outside_the_sources_and_no_page_is_made_up() {
        let command = build_command(Path::new("mdbook"));
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert!(arguments.last().is_some_and(|last| last.ends_with("/target/docs")), "{arguments:?}");
        assert!(command.get_envs().any(|(name, _)| name == "MDBOOK_BUILD__CREATE_MISSING"));
    }
}

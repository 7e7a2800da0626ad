//! Every command of `secops` in a document follows the program's grammar.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Parser as _;
use clap::error::ErrorKind;
use secops::arguments::Arguments;

/// The beginning of a command.
const BEGIN: &str = "secops ";
/// What follows a command in a line of shell.
const ENDS: [&str; 4] = [" > ", " | ", " && ", "  #"];

#[test]
fn every_command_in_a_document_follows_the_grammar() -> io::Result<()> {
    let mut found = 0;
    for document in documents()? {
        for command in commands(&fs::read_to_string(&document)?) {
            found += 1;
            let Some(problem) = problem(&command) else { continue };
            // A page of the book may name a command without what it needs. A playbook is typed.
            let is_a_name = problem.kind() == ErrorKind::MissingRequiredArgument;
            let is_typed = document.parent().is_some_and(|folder| folder.ends_with("infra/playbooks"));
            assert!(is_a_name && !is_typed, "`{command}` in {}: {problem}", document.display());
        }
    }
    assert!(found >= 60, "only {found} commands were found: has the form of the documents changed?");
    Ok(())
}

#[test]
fn every_command_of_the_program_has_its_section_in_the_book() -> io::Result<()> {
    let page = fs::read_to_string(root().join("docs/src/secops.md"))?;
    let grammar = <Arguments as clap::CommandFactory>::command();
    for command in grammar.get_subcommands().map(clap::Command::get_name) {
        let is_described = page.contains(&format!("### secops {command}\n"))
            || ["completions", "man"].contains(&command) && page.contains(&format!("\nsecops {command}"));
        assert!(is_described, "docs/src/secops.md does not describe `secops {command}`");
    }
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The playbooks, the pages of the book, and the front page.
fn documents() -> io::Result<Vec<PathBuf>> {
    let mut found = vec![root().join("README.md")];
    for folder in ["infra/playbooks", "docs/src"] {
        for entry in fs::read_dir(root().join(folder))? {
            found.push(entry?.path());
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    Ok(found)
}

/// The lines of shell blocks and the texts between backticks that begin with `secops`.
fn commands(text: &str) -> Vec<String> {
    let (mut found, mut outside, mut fence) = (Vec::new(), String::new(), None);
    for line in text.lines().map(str::trim) {
        match (line.strip_prefix("```"), fence) {
            (Some(language), None) => fence = Some(language),
            (Some(_), Some(_)) => fence = None,
            (None, None) => outside.extend([line, " "]),
            (None, Some("sh")) if line.starts_with(BEGIN) => found.push(line.to_owned()),
            (None, Some("console")) => found.extend(line.strip_prefix("$ ").map(str::to_owned)),
            (None, Some(_)) => {}
        }
    }
    let spans = outside.split('`').skip(1).step_by(2).map(str::trim);
    found.extend(spans.map(str::to_owned));
    found.retain(|command| command.starts_with(BEGIN));
    found
}

/// Why the program would refuse this command.
fn problem(command: &str) -> Option<clap::Error> {
    let end = ENDS.iter().filter_map(|end| command.find(end)).min().unwrap_or(command.len());
    let error = Arguments::try_parse_from(words(command.get(..end)?)).err()?;
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    (!is_help).then_some(error)
}

/// The words of a command. Text between double quotes is one word.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut is_quoted, mut is_between) = (Vec::<String>::new(), false, true);
    for character in command.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => is_between = true,
            c => {
                if std::mem::take(&mut is_between) {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words
}

#[test]
fn a_wrong_command_is_found_wherever_it_stands() {
    let page = "Run `secops rotate\n   \"$SECRET\" --follow`. `secops` alone is the program, `secops rotat X` is wrong.\n\
                ```sh\nsecops revoke X --reason \"a b\" > file\naws x\n```\n```console\n$ secops due --all\nsecops x\n```\n";
    let found = commands(page);
    let expected = [
        "secops revoke X --reason \"a b\" > file",
        "secops due --all",
        "secops rotate \"$SECRET\" --follow",
        "secops rotat X",
    ];
    assert_eq!(found, expected);
    let wrong: Vec<_> = found.iter().filter(|command| problem(command).is_some()).collect();
    assert_eq!(wrong, ["secops due --all", "secops rotat X"]);
    assert_eq!(words("a \"b c\" \"$D\""), ["a", "b c", "$D"]);
}

//! Checks that the commands of `cargo xtask`, the paths and the parameters of templates in the documents exist.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::markdown::{self, Piece};
use crate::package::FUNCTIONS;
use crate::{template, usage, workspace};

/// It is not checked, because it describes earlier versions.
const HISTORY: &str = "CHANGELOG.md";
/// A function's name is also the first word of tags, such as `rotation-mq/user`. These parts make it a path.
const PARTS_OF_A_CRATE: [&str; 3] = ["Cargo.toml", "src", "tests"];
/// The characters that end a command in a line of shell.
const ENDS: [&str; 6] = ["  #", " | ", " && ", "; ", " > ", " 2>"];

/// The names in documents that do not exist, one line each.
///
/// # Errors
/// When a document or a template cannot be read.
pub fn violations() -> Result<Vec<String>> {
    let known = Known { files: workspace::files(&[])?, parameters: template::all_parameters()? };
    let mut found = Vec::new();
    for file in known.files.iter().filter(|file| file.ends_with(".md") && *file != HISTORY) {
        let document = markdown::read(&workspace::read(file)?);
        for piece in document.block_lines.iter().chain(&document.spans) {
            let problems = known.problems(piece).into_iter();
            found.extend(problems.map(|problem| format!("{file}:{}: {problem}", piece.line)));
        }
    }
    Ok(found)
}

/// The existing names.
#[derive(Debug)]
struct Known {
    files: Vec<String>,
    /// The parameters of each template.
    parameters: BTreeMap<String, Vec<String>>,
}

impl Known {
    fn problems(&self, code: &Piece) -> Vec<String> {
        let command = command_problem(&code.text).into_iter();
        command.chain(self.path_problems(&code.text)).chain(self.parameter_problems(&code.text)).collect()
    }

    fn path_problems(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for word in text.split(|c: char| c.is_whitespace() || "\"'=,;|()<>`".contains(c)) {
            let word = ["fileb://", "file://", "./"]
                .into_iter()
                .fold(word, |word, prefix| word.strip_prefix(prefix).unwrap_or(word));
            let path = word.split(['#', ':']).next().unwrap_or_default().trim_end_matches(['.', '/']);
            if self.is_ours(path) && !self.files.iter().any(|file| leads_to(path, file)) {
                found.push(format!("there is no `{path}`"));
            }
        }
        found
    }

    /// Whether the path begins with a folder of the repository.
    fn is_ours(&self, path: &str) -> bool {
        let Some((folder, rest)) = path.split_once('/') else { return false };
        let second = rest.split('/').next().unwrap_or_default();
        let is_tag = FUNCTIONS.contains(&folder) && !PARTS_OF_A_CRATE.contains(&second);
        let begins = format!("{folder}/");
        !is_tag && self.files.iter().any(|file| file.starts_with(&begins))
    }

    fn parameter_problems(&self, text: &str) -> Vec<String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let after = |options: &[&str]| words.iter().position(|word| options.contains(word)).map(|at| at + 1);
        let Some(first) = after(&["--parameter-overrides"]) else { return Vec::new() };
        let template = after(&["--template-file", "--template", "-t"]).and_then(|at| words.get(at));
        let known: Vec<&String> = match template.map(|template| self.parameters.get(*template)) {
            Some(Some(parameters)) => parameters.iter().collect(),
            // The line names no template, or one that the rule about paths checks.
            Some(None) | None => self.parameters.values().flatten().collect(),
        };
        let given = words.get(first..).unwrap_or_default().iter().take_while(|word| !word.starts_with('-'));
        let unknown =
            given.filter_map(|word| parameter(word)).filter(|name| known.iter().all(|one| one != name));
        let whose = template.map_or("any template", |template| *template);
        unknown.map(|name| format!("`{name}` is no parameter of {whose}")).collect()
    }
}

/// The command's own help for a line that `cargo xtask` would refuse.
fn command_problem(line: &str) -> Option<String> {
    let mut line = line.trim_start().trim_start_matches("$ ");
    // Variables that are set for the command.
    while let Some((first, rest)) = line.split_once(' ')
        && first.contains('=')
    {
        line = rest;
    }
    let rest = line.strip_prefix("cargo xtask ")?;
    let end = ENDS.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    let command = rest[..end].trim();
    if command.split('/').next().is_some_and(is_placeholder) || command.starts_with('#') {
        return None;
    }
    let arguments: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let problem = usage::parse(&arguments).err()?.problem?;
    Some(format!("`cargo xtask {command}`: {problem}"))
}

/// The name in `Name=value` or in `ParameterKey=Name,ParameterValue=value`.
fn parameter(word: &str) -> Option<&str> {
    let (name, value) = word.trim_matches(['"', '\'']).split_once('=')?;
    Some(if name == "ParameterKey" { value.split(',').next().unwrap_or_default() } else { name })
}

/// Whether the path names `file`, or a folder that contains it.
fn leads_to(path: &str, file: &str) -> bool {
    let mut parts = file.split('/');
    path.split('/').all(|wanted| parts.next().is_some_and(|part| matches_part(wanted, part)))
}

/// A part of a path may have `*`, or stand for any name: `NAME`, `NAME.zip`, `{a,b}`, `$FOLDER`, `…`.
fn matches_part(wanted: &str, part: &str) -> bool {
    if wanted == part || is_placeholder(wanted) {
        return true;
    }
    let Some((begin, end)) = wanted.split_once('*') else { return false };
    part.strip_prefix(begin).is_some_and(|rest| match end.split_once('*') {
        Some((middle, _)) => rest.contains(middle),
        None => rest.ends_with(end),
    })
}

fn is_placeholder(part: &str) -> bool {
    let stem = part.split(['.', ' ']).next().unwrap_or_default();
    let is_capital = |c: char| c.is_ascii_uppercase() || matches!(c, '_' | '-');
    part.contains(['…', '$', '{', '<'])
        || part.contains("...")
        || stem.len() > 1 && stem.chars().all(is_capital)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let files = ["infra/template.yaml", "tests/events/a.json", "rotation-mq/src/main.rs", ".ci/run"];
        let template = ("infra/template.yaml".to_owned(), vec!["Architecture".to_owned()]);
        let secret = ("infra/secret.yaml".to_owned(), vec!["SecretName".to_owned()]);
        let files = files.map(str::to_owned).to_vec();
        let known = Known { files, parameters: BTreeMap::from([template, secret]) };
        known.problems(&Piece { line: 1, text: text.to_owned() }).join("\n")
    }

    #[test]
    fn what_exists_is_no_problem() {
        for text in [
            "cargo xtask test --broker forky  # a comment",
            "$ cargo xtask lint | tee log",
            "TESTBED=1 cargo xtask test -- a_name --nocapture",
            "cargo xtask demo --help",
            "cargo xtask COMMAND",
            "cargo xtask …",
            "cargo build --package xtask",
            "infra/template.yaml:12",
            "infra/",
            "tests/events/*.json",
            "tests/events/NAME.json",
            "tests/…",
            "--policy-document file://infra/template.yaml",
            "bash .ci/run",
            "rotation-mq/user",
            "`rabbitmq/payment`",
            "target/lambda/rotation-mq",
            "sam deploy --template-file infra/template.yaml --parameter-overrides Architecture=arm64 --guided x=y",
            "aws cloudformation deploy --parameter-overrides SecretName=… Architecture=arm64",
        ] {
            assert_eq!(problems(text), "", "{text}");
        }
    }

    #[test]
    fn what_does_not_exist_is_named() {
        for (text, expected) in [
            ("cargo xtask tset", "`cargo xtask tset`: there is no command `tset`; did you mean `test`?"),
            ("cargo xtask test --broker sid  # x", "not `sid`"),
            ("A=b cargo xtask lint --fix", "one argument too many"),
            ("infra/templates.yaml", "there is no `infra/templates.yaml`"),
            ("--template-file=infra/templat.yaml", "there is no `infra/templat.yaml`"),
            ("tests/events/*.yaml", "there is no `tests/events/*.yaml`"),
            ("infra/NAME/x.yaml", "there is no `infra/NAME/x.yaml`"),
            ("rotation-mq/src/man.rs", "there is no `rotation-mq/src/man.rs`"),
            (
                "sam deploy --template-file infra/template.yaml --parameter-overrides SecretName=a",
                "`SecretName` is no parameter of infra/template.yaml",
            ),
            (
                "--parameter-overrides ParameterKey=Arch,ParameterValue=b",
                "`Arch` is no parameter of any template",
            ),
        ] {
            let found = problems(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}

//! The committed page `testbed/aws/CONFORMANCE.md`: what each judge said of each row, and what follows from it.

mod judged;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::contract::ContractRow;
use crate::target::Judge;

pub use judged::note;
pub use text::{parse, render};

/// The word of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nobody has asked this judge.
    NeverRun,
    /// The row is right.
    Confirmed,
    /// The row is wrong for this judge.
    Contradicted,
    /// It was asked and could not be decided.
    Unknown,
    /// No function asks it yet.
    NotBuilt,
    /// The judge does not play it.
    NotPlayed,
    /// The testbed's own row.
    Own,
}

/// All words and their texts.
const WORDS: [(Word, &str); 7] = [
    (Word::NeverRun, "never run"),
    (Word::Confirmed, "confirmed"),
    (Word::Contradicted, "contradicted"),
    (Word::Unknown, "unknown"),
    (Word::NotBuilt, "not built"),
    (Word::NotPlayed, "not played"),
    (Word::Own, "own"),
];

impl Word {
    /// The text of a cell.
    #[must_use]
    pub fn text(self) -> &'static str {
        WORDS.iter().find(|(word, _)| *word == self).map_or("?", |(_, text)| text)
    }

    /// Whether it is the answer of a run.
    #[must_use]
    pub fn is_an_answer(self) -> bool {
        matches!(self, Self::Confirmed | Self::Contradicted | Self::Unknown)
    }
}

/// A cell: the word, and for the answer of a run its date, and its region if it was an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The word.
    pub word: Word,
    /// Such as `2026-11-29`, or `2026-11-29 eu-central-1`.
    pub when: String,
}

/// A note about a judge that differs from the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What the judge did.
    pub what: String,
    /// Who was wrong: `moto`, `contract`, or `unpublished` if the page does not decide it.
    pub wrong: String,
    /// The page of AWS that decides.
    pub page: String,
}

/// The page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The cells of each row, in the order of [`Judge::ALL`].
    pub rows: BTreeMap<String, [Cell; 3]>,
    /// By row and judge.
    pub differences: BTreeMap<(String, String), Difference>,
    /// What was seen of what AWS does not publish, by row and judge.
    pub observed: BTreeMap<(String, String), String>,
}

/// The path of the committed page.
#[must_use]
pub fn path() -> PathBuf {
    sandbox::workspace().join("testbed/aws/CONFORMANCE.md")
}

/// The path of the outcome of the last run.
#[must_use]
pub fn outcome_path() -> PathBuf {
    sandbox::workspace().join("target/conformance.md")
}

/// Reads a page; an empty page if there is none.
///
/// # Errors
/// When it cannot be read or has another form.
pub fn read(path: &Path) -> anyhow::Result<Page> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Page::default()),
        other => parse(&other?),
    }
}

/// Judgements that a contradicted row may have. Of a contract that is wrong, the row must change.
const JUDGEMENTS: [&str; 2] = ["moto", "unpublished"];
const AWS_PAGES: &str = "https://docs.aws.amazon.com/";

/// What is wrong with the page beside the contract, one line each. A contradicted row fails the build: either
/// `CONTRACT.md` and the launcher must change, or a note must say why the judge is wrong, with AWS's page.
#[must_use]
pub fn violations(contract: &[ContractRow], page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    let rows: BTreeSet<&str> = contract.iter().map(|row| row.id.as_str()).collect();
    let known: BTreeSet<&str> = page.rows.keys().map(String::as_str).collect();
    found.extend(rows.difference(&known).map(|id| format!("{id}: CONFORMANCE.md does not have this row")));
    found.extend(known.difference(&rows).map(|id| format!("{id}: CONTRACT.md does not have this row")));
    for (id, cells) in &page.rows {
        for (judge, cell) in Judge::ALL.into_iter().zip(cells) {
            found.extend(
                cell_problem(id, judge, cell, page)
                    .map(|problem| format!("{id}: {}: {problem}", judge.name())),
            );
        }
    }
    for ((id, judge), difference) in &page.differences {
        let is_contradicted = Judge::ALL
            .into_iter()
            .zip(page.rows.get(id).into_iter().flatten())
            .any(|(known, cell)| known.name() == judge && cell.word == Word::Contradicted);
        if !is_contradicted {
            found.push(format!("{id}: {judge}: a note about a difference that is none any more"));
        }
        if difference.wrong == "contract" {
            found.push(format!(
                "{id}: the note says that the contract is wrong: change CONTRACT.md and the launcher"
            ));
        }
    }
    found
}

fn cell_problem(id: &str, judge: Judge, cell: &Cell, page: &Page) -> Option<String> {
    let words: Vec<&str> = cell.when.split_whitespace().collect();
    let is_date = |word: &&str| word.len() == 10 && word.chars().all(|c| c.is_ascii_digit() || c == '-');
    match (cell.word.is_an_answer(), judge, words.as_slice()) {
        (false, _, []) | (true, Judge::Emulator | Judge::Moto, [_]) | (true, Judge::Account, [_, _]) => {}
        (true, Judge::Account, _) => return Some("an answer has its date and its region".into()),
        _ => return Some("an answer has its date, and nothing else has one".into()),
    }
    if cell.word.is_an_answer() && !words.first().is_some_and(is_date) {
        return Some(format!("`{}` is no date", cell.when));
    }
    if cell.word != Word::Contradicted {
        return None;
    }
    if judge != Judge::Moto {
        return Some(format!(
            "contradicted: change the row in CONTRACT.md and the launcher, then run `cargo xtask conformance` again ({id})"
        ));
    }
    let key = (id.to_owned(), judge.name().to_owned());
    match page.differences.get(&key) {
        // The row of the note has a line of its own.
        Some(note) if note.wrong == "contract" => None,
        Some(note) if JUDGEMENTS.contains(&note.wrong.as_str()) && note.page.starts_with(AWS_PAGES) => None,
        Some(_) => Some(
            "judge the difference in testbed/conformance/src/page/judged.rs, with the page of AWS".into(),
        ),
        None => Some("contradicted, and no note says who was wrong".into()),
    }
}

#[cfg(test)]
mod tests;

//! What a run found: the lines for a person, the raw JSON, and the cells of the page.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::clock;
use crate::contract::ContractRow;
use crate::page::{self, Cell, Page, Word};
use crate::rows::{Proof, Row};
use crate::secret::VALUE;
use crate::target::{Judge, Target};
use crate::verdict::Verdict;

/// The answer of a judge to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The row.
    pub id: String,
    /// What was answered.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// All answers of one judge in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The judge.
    pub judge: Judge,
    /// The run's id.
    pub run: String,
    /// The region.
    pub region: String,
    /// The date.
    pub date: String,
    /// The answers, in the order of the contract.
    pub answers: Vec<Answer>,
    /// What was checked beyond the rows: a name, and what was found (empty: nothing wrong).
    pub beyond: BTreeMap<String, Vec<String>>,
}

impl Outcome {
    /// An outcome of this target without answers yet.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        Self {
            judge: target.judge,
            run: target.run.id().to_owned(),
            region: target.region.clone(),
            date: clock::date(clock::now()),
            answers: Vec::new(),
            beyond: BTreeMap::new(),
        }
    }

    /// The cell of a row after this run.
    #[must_use]
    pub fn cell(&self, row: &Row) -> Cell {
        let answer = self.answers.iter().find(|answer| answer.id == row.id);
        let word = match (answer.map(|answer| &answer.verdict), row.proof) {
            (Some(Verdict::Confirmed(_)), _) => Word::Confirmed,
            (Some(Verdict::Contradicted(_)), _) => Word::Contradicted,
            (Some(Verdict::Unknown(_)), _) => Word::Unknown,
            (None, _) => unasked(row, self.judge),
        };
        let when = match (word.is_an_answer(), self.judge) {
            (false, _) => String::new(),
            (true, Judge::Account) => format!("{} {}", self.date, self.region),
            (true, Judge::Emulator | Judge::Moto) => self.date.clone(),
        };
        Cell { word, when }
    }

    /// Takes the answers over into the page. A cell whose word stays keeps its date, so that a run changes only what is
    /// new. A difference that nobody has judged fails the check of the page.
    pub fn write_into(&self, page: &mut Page, rows: &[Row], contract: &[ContractRow]) {
        let column = Judge::ALL.iter().position(|judge| *judge == self.judge).unwrap_or_default();
        for row in rows {
            let fresh = || Judge::ALL.map(|judge| Cell { word: unasked(row, judge), when: String::new() });
            let cells = page.rows.entry(row.id.to_owned()).or_insert_with(fresh);
            let (new, key) = (self.cell(row), (row.id.to_owned(), self.judge.name().to_owned()));
            // A row that was not asked this time keeps its last answer.
            let was_asked = self.answers.iter().any(|answer| answer.id == row.id);
            if let Some(cell) = cells.get_mut(column)
                && cell.word != new.word
                && (was_asked || !cell.word.is_an_answer())
            {
                *cell = new.clone();
            }
            let Some(answer) = self.answers.iter().find(|answer| answer.id == row.id) else { continue };
            page.observed.remove(&key);
            if let Verdict::Confirmed(Some(what)) = &answer.verdict {
                page.observed.insert(key.clone(), what.clone());
            }
            match &answer.verdict {
                Verdict::Contradicted(what) => {
                    let known = contract.iter().find(|known| known.id == row.id);
                    let pages = known.map(|known| known.pages.as_slice()).unwrap_or_default();
                    page.differences.insert(key, page::note(row.id, self.judge, what, pages));
                }
                Verdict::Confirmed(_) | Verdict::Unknown(_) => {
                    page.differences.remove(&key);
                }
            }
        }
    }

    /// The lines for a person, as Markdown.
    #[must_use]
    pub fn markdown(&self, rows: &[Row]) -> String {
        let mut text = format!(
            "# Conformance of {}\n\nRun {}, {}, {}.\n\n| row | status | what | ms |\n|---|---|---|---|\n",
            self.judge.name(),
            self.run,
            self.region,
            self.date
        );
        for row in rows {
            let answer = self.answers.iter().find(|answer| answer.id == row.id);
            let why = match (answer.map(|answer| &answer.verdict), row.proof) {
                (Some(Verdict::Confirmed(what)), _) => what.clone().unwrap_or_default(),
                (Some(Verdict::Contradicted(why) | Verdict::Unknown(why)), _) => why.clone(),
                (None, Proof::NotBuilt(why)) => why.to_owned(),
                (None, Proof::Asked(..) | Proof::Last(..) | Proof::Collected | Proof::Own) => String::new(),
            };
            let took = answer.map(|answer| answer.took.as_millis().to_string()).unwrap_or_default();
            text += &format!(
                "| {} | {} | {} | {took} |\n",
                row.id,
                self.cell(row).word.text(),
                why.replace('|', "/")
            );
        }
        if !self.beyond.is_empty() {
            text += "\n## Beyond the rows\n\n| check | found |\n|---|---|\n";
        }
        for (name, found) in &self.beyond {
            let found = if found.is_empty() { "as expected".to_owned() } else { found.join("; ") };
            text += &format!("| {name} | {} |\n", found.replace('|', "/"));
        }
        text
    }

    /// The raw outcome.
    #[must_use]
    pub fn json(&self) -> Value {
        let answers: Vec<Value> = self
            .answers
            .iter()
            .map(|answer| {
                let (status, what) = match &answer.verdict {
                    Verdict::Confirmed(what) => ("confirmed", what.clone()),
                    Verdict::Contradicted(why) => ("contradicted", Some(why.clone())),
                    Verdict::Unknown(why) => ("unknown", Some(why.clone())),
                };
                json!({"row": answer.id, "status": status, "what": what, "tookMs": answer.took.as_millis()})
            })
            .collect();
        json!({
            "judge": self.judge.name(), "run": self.run, "region": self.region, "date": self.date,
            "answers": answers, "beyond": self.beyond,
        })
    }

    /// Writes both forms below `folder`.
    ///
    /// # Errors
    /// When they cannot be written, or would contain a value of a secret.
    pub fn store(&self, folder: &Path, rows: &[Row]) -> Result<()> {
        for (name, text) in [
            (format!("{}.json", self.judge.name()), format!("{:#}\n", self.json())),
            (format!("{}.md", self.judge.name()), self.markdown(rows)),
        ] {
            ensure!(!text.contains(VALUE), "the outcome would contain a value of a secret");
            std::fs::write(folder.join(&name), text).with_context(|| format!("cannot write {name}"))?;
        }
        Ok(())
    }

    /// The number of rows with each verdict: confirmed, contradicted, unknown.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        let count =
            |wanted: fn(&Verdict) -> bool| self.answers.iter().filter(|one| wanted(&one.verdict)).count();
        [
            count(|verdict| matches!(verdict, Verdict::Confirmed(_))),
            count(|verdict| matches!(verdict, Verdict::Contradicted(_))),
            count(|verdict| matches!(verdict, Verdict::Unknown(_))),
        ]
    }
}

/// The word of a row that this judge was not asked.
fn unasked(row: &Row, judge: Judge) -> Word {
    match row.proof {
        Proof::Own => Word::Own,
        Proof::NotBuilt(_) => Word::NotBuilt,
        Proof::Collected if judge == Judge::Account => Word::NeverRun,
        Proof::Collected => Word::NotPlayed,
        Proof::Asked(..) | Proof::Last(..) if row.is_for(judge) => Word::NeverRun,
        Proof::Asked(..) | Proof::Last(..) => Word::NotPlayed,
    }
}

#[cfg(test)]
mod tests;

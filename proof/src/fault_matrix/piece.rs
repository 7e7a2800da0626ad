//! What is kept of a run that may be interrupted: a line of JSON for each piece. Pure.
//!
//! A piece is a [`Unit`] with all its hypotheses, or the store. The first line says to which commit and broker the others
//! belong, and lists the recorded calls, so that every run of that commit has the same points.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::cell::Outcome;
use super::hypothesis::Hypothesis;
use super::point::Point;
use super::selection::Unit;

/// To what pieces belong: those of another key prove nothing here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The commit, in full.
    pub commit: String,
    /// Debian's suite of the broker.
    pub suite: String,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// To what the pieces belong.
    pub key: Key,
    /// RabbitMQ's version.
    pub broker: String,
    /// The calls of the clean rotations.
    pub points: Vec<Point>,
}

/// When a piece was run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which run it was part of, from 1.
    pub run: usize,
    /// How long that run had lasted when the piece ended, in milliseconds.
    pub after_ms: u64,
}

/// How a unit ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The unit's coordinates.
    pub unit: String,
    /// When it ended.
    pub moment: Moment,
    /// Its cells.
    pub cells: Vec<(Hypothesis, Outcome)>,
}

impl Piece {
    /// Whether a cell did not end as it must.
    #[must_use]
    pub fn violated(&self) -> bool {
        self.cells.iter().any(|(_, outcome)| outcome.violation.is_some())
    }
}

/// How the store ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// When it ended.
    pub moment: Moment,
    /// How long it traded, setting up included, in milliseconds.
    pub took_ms: u64,
    /// Whether nothing was lost and nothing done twice.
    pub holds: bool,
    /// Its table, or what failed.
    pub text: String,
}

/// Everything that was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Unless nothing was recorded yet.
    pub heading: Option<Heading>,
    /// Each unit's pieces, the newest last: a piece that was run again has several.
    pub units: BTreeMap<String, Vec<Piece>>,
    /// The store's, the newest last.
    pub trades: Vec<Trade>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first one.
    Heading(Heading),
    /// A unit.
    Piece(Piece),
    /// The store.
    Trade(Trade),
}

impl Pieces {
    /// Reads a file's bytes back; and how many of its bytes are whole lines. A run that was killed may leave the last line
    /// without its end: that piece was not kept.
    ///
    /// # Errors
    /// When the file belongs to another key, or a line before the last one is none.
    pub fn read(bytes: &[u8], key: &Key) -> Result<(Self, usize)> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut pieces = Self::default();
        let lines = bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
        for (number, line) in lines.enumerate() {
            let line: Line = serde_json::from_slice(line).with_context(|| format!("line {}", number + 1))?;
            ensure!(
                matches!(line, Line::Heading(_)) == (number == 0),
                "line {}: the heading is the first line, and only that",
                number + 1
            );
            if let Line::Heading(Heading { key: found, .. }) = &line {
                let Key { commit, suite } = found;
                ensure!(found == key, "its pieces belong to commit {commit} on the broker of {suite}");
            }
            pieces.add(line);
        }
        Ok((pieces, whole))
    }

    /// Adds what a line says.
    pub fn add(&mut self, line: Line) {
        match line {
            Line::Heading(heading) => self.heading = Some(heading),
            Line::Piece(piece) => self.units.entry(piece.unit.clone()).or_default().push(piece),
            Line::Trade(trade) => self.trades.push(trade),
        }
    }

    /// The pieces of a unit, the newest last, which counts.
    #[must_use]
    pub fn of(&self, unit: &Unit) -> &[Piece] {
        self.units.get(&unit.name()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The units still to run: those that never ended and, when violated ones are to run `again`, those.
    #[must_use]
    pub fn left(&self, units: Vec<Unit>, again: bool) -> Vec<Unit> {
        let is_left = |unit: &Unit| self.of(unit).last().is_none_or(|piece| again && piece.violated());
        units.into_iter().filter(is_left).collect()
    }

    /// Whether the store is still to trade.
    #[must_use]
    pub fn store_is_left(&self, again: bool) -> bool {
        self.trades.last().is_none_or(|trade| again && !trade.holds)
    }

    /// The number of the next run.
    #[must_use]
    pub fn next_run(&self) -> usize {
        self.moments().map(|moment| moment.run).max().unwrap_or_default() + 1
    }

    /// In how many runs the pieces of the matrix were made, and how long those took in all.
    #[must_use]
    pub fn runs(&self) -> (usize, Duration) {
        let mut ends: BTreeMap<usize, u64> = BTreeMap::new();
        for Moment { run, after_ms } in self.units.values().flatten().map(|piece| piece.moment) {
            let end = ends.entry(run).or_default();
            *end = after_ms.max(*end);
        }
        (ends.len(), Duration::from_millis(ends.values().sum()))
    }

    fn moments(&self) -> impl Iterator<Item = Moment> {
        let units = self.units.values().flatten().map(|piece| piece.moment);
        units.chain(self.trades.iter().map(|trade| trade.moment))
    }
}

#[cfg(test)]
mod tests;

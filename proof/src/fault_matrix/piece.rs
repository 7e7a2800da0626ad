//! The kept results of a run that may be interrupted: one line of JSON for each piece. Pure.
//!
//! A piece is a [`Unit`] with all its hypotheses, or the store. The first line names the commit and the broker of the
//! other lines. It also lists the recorded calls, so that every run of that commit has the same points.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::cell::Outcome;
use super::hypothesis::Hypothesis;
use super::point::Point;
use super::random::Ran;
use super::selection::Unit;

/// The commit and the broker of pieces. Pieces with another key prove nothing here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The commit, in full.
    pub commit: String,
    /// The broker's Debian suite.
    pub suite: String,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// The key of the pieces.
    pub key: Key,
    /// RabbitMQ's version.
    pub broker: String,
    /// The calls of the clean rotations.
    pub points: Vec<Point>,
}

/// When a piece was run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The number of its run, from 1.
    pub run: usize,
    /// The time from the start of that run to the end of the piece, in milliseconds.
    pub after_ms: u64,
}

/// The result of a unit.
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
    /// Whether a cell did not end as required.
    #[must_use]
    pub fn violated(&self) -> bool {
        self.cells.iter().any(|(_, outcome)| outcome.violation.is_some())
    }
}

/// The result of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// When it ended.
    pub moment: Moment,
    /// How long it traded, setup included, in milliseconds.
    pub took_ms: u64,
    /// Whether no order was lost or processed twice.
    pub holds: bool,
    /// Its table, or the error.
    pub text: String,
}

/// All kept results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// `None` if nothing is recorded yet.
    pub heading: Option<Heading>,
    /// Each unit's pieces, the newest last. A unit that was run again has several.
    pub units: BTreeMap<String, Vec<Piece>>,
    /// The store's pieces, the newest last.
    pub trades: Vec<Trade>,
    /// The random schedules by their seeds, the newest result of each.
    pub schedules: BTreeMap<u64, Ran>,
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
    /// A random schedule.
    Schedule(Ran),
}

impl Pieces {
    /// Reads a file's bytes. Also returns how many of its bytes are whole lines. A killed run may leave the last line
    /// incomplete. That piece was not kept.
    ///
    /// # Errors
    /// When the file belongs to another key, or a line before the last one is invalid.
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

    /// Adds the content of a line.
    pub fn add(&mut self, line: Line) {
        match line {
            Line::Heading(heading) => self.heading = Some(heading),
            Line::Piece(piece) => self.units.entry(piece.unit.clone()).or_default().push(piece),
            Line::Trade(trade) => self.trades.push(trade),
            Line::Schedule(ran) => drop(self.schedules.insert(ran.seed, ran)),
        }
    }

    /// The pieces of a unit. The newest is last, and it counts.
    #[must_use]
    pub fn of(&self, unit: &Unit) -> &[Piece] {
        self.units.get(&unit.name()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The units that remain to run: those that never ended and, with `again`, the violated ones.
    #[must_use]
    pub fn left(&self, units: Vec<Unit>, again: bool) -> Vec<Unit> {
        let is_left = |unit: &Unit| self.of(unit).last().is_none_or(|piece| again && piece.violated());
        units.into_iter().filter(is_left).collect()
    }

    /// Whether the store must still trade.
    #[must_use]
    pub fn store_is_left(&self, again: bool) -> bool {
        self.trades.last().is_none_or(|trade| again && !trade.holds)
    }

    /// The number of the next run.
    #[must_use]
    pub fn next_run(&self) -> usize {
        self.moments().map(|moment| moment.run).max().unwrap_or_default() + 1
    }

    /// The number of runs that produced the pieces of the matrix, and their total time.
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
        let schedules = self.schedules.values().map(|ran| ran.moment);
        units.chain(self.trades.iter().map(|trade| trade.moment)).chain(schedules)
    }
}

#[cfg(test)]
mod tests;

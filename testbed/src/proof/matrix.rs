//! The result: a row a place, and what was violated.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::cell::Outcome;
use super::hypothesis::Hypothesis;
use super::place::Place;
use super::point::Point;
use super::selection::Unit;

/// Progress is told after so many units.
const TELL_EVERY: usize = 50;

/// A cell that did not end as it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which cell: what `--cells` takes.
    pub cell: String,
    /// What was not as it must be.
    pub what: String,
}

/// All that was run.
#[derive(Debug, Default)]
pub struct Matrix {
    /// How long it took, setting up included.
    pub took: Duration,
    /// What was violated.
    pub violations: Vec<Violation>,
    rows: BTreeMap<Place, Row>,
    units: usize,
    done: usize,
}

#[derive(Debug, Default, Clone)]
struct Row {
    points: usize,
    faults: BTreeMap<super::fault::Fault, usize>,
    hypotheses: BTreeMap<Hypothesis, usize>,
    cells: usize,
    attempts: usize,
    violations: usize,
}

impl Matrix {
    pub(super) fn new(points: &[Point], units: usize) -> Self {
        let mut rows: BTreeMap<Place, Row> = BTreeMap::new();
        for point in points {
            rows.entry(point.place).or_default().points += 1;
        }
        Self { rows, units, ..Self::default() }
    }

    /// Adds what a unit did; what to tell of it.
    pub(super) fn add(&mut self, unit: &Unit, outcomes: Vec<(Hypothesis, Outcome)>) -> Vec<String> {
        let mut lines = Vec::new();
        let row = self.rows.entry(unit.point.place).or_default();
        *row.faults.entry(unit.fault).or_default() += 1;
        for (hypothesis, outcome) in outcomes {
            *row.hypotheses.entry(hypothesis).or_default() += 1;
            row.cells += 1;
            row.attempts += outcome.attempts;
            if let Some(what) = outcome.violation {
                row.violations += 1;
                let cell = unit.coordinates(hypothesis);
                lines.push(format!("VIOLATED  {cell}\n          {what}"));
                self.violations.push(Violation { cell, what });
            }
        }
        self.done += 1;
        if self.done.is_multiple_of(TELL_EVERY) {
            lines.push(format!("  {} of {} faults at calls", self.done, self.units));
        }
        lines
    }

    /// Whether cells ran and none was violated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.done > 0 && self.done == self.units
    }

    /// The table, and how to repeat what was violated.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::from(
            "| where | injection points | faults | hypotheses | cells | attempts | violations |\n\
             |:--|--:|--:|--:|--:|--:|--:|\n",
        );
        let mut all = Row::default();
        for (place, row) in &self.rows {
            line(&mut text, &place.to_string(), row);
            all.points += row.points;
            all.faults.extend(&row.faults);
            all.hypotheses.extend(&row.hypotheses);
            all.cells += row.cells;
            all.attempts += row.attempts;
            all.violations += row.violations;
        }
        line(&mut text, "all", &all);
        for Violation { cell, what } in &self.violations {
            let _ =
                write!(text, "\nviolated: {cell}\n  {what}\n  repeat: cargo xtask prove --cells '{cell}'\n");
        }
        text
    }
}

fn line(text: &mut String, name: &str, row: &Row) {
    let Row { points, faults, hypotheses, cells, attempts, violations } = row;
    let (faults, hypotheses) = (faults.len(), hypotheses.len());
    let _ = writeln!(
        text,
        "| {name} | {points} | {faults} | {hypotheses} | {cells} | {attempts} | {violations} |"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::fault::Fault;
    use crate::proof::point::Turn;
    use crate::proof::selection::{Selection, units};

    #[test]
    fn a_violated_cell_is_in_the_table_with_the_command_that_repeats_it() {
        let point = Point {
            turn: Turn::Later,
            place: Place::Amqps,
            step: "testSecret",
            call: "login".to_owned(),
            nth: 1,
        };
        let points = [point];
        let units = units(&points, &Selection::All);
        let mut matrix = Matrix::new(&points, 1);
        assert!(!matrix.holds(), "nothing ran");
        let unit = units.iter().find(|unit| unit.fault == Fault::Dropped).cloned().unwrap();
        let fine = Outcome { attempts: 2, ..Outcome::default() };
        let broken = Outcome { attempts: 1, violation: Some("it broke".to_owned()), ..Outcome::default() };
        matrix.add(&unit, vec![(Hypothesis::SameToken, fine), (Hypothesis::None, broken)]);
        assert!(!matrix.holds());
        let text = matrix.to_markdown();
        assert!(text.contains("| rotation-mq/amqps | 1 | 1 | 2 | 2 | 3 | 1 |"), "{text}");
        let repeat = "prove --cells 'later rotation-mq/amqps testSecret login #1, dropped, none'";
        assert!(text.contains(repeat), "{text}");
    }
}

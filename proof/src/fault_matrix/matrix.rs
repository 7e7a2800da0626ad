//! The result: one row for each place, and the violations. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::hypothesis::Hypothesis;
use super::piece::{Piece, Pieces};
use super::place::Place;
use super::point::Point;
use super::selection::Unit;

/// A cell that did not end as required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The cell, in the form of `--cells`.
    pub cell: String,
    /// The condition that was not met.
    pub what: String,
}

/// The results of all runs.
#[derive(Debug, Default)]
pub struct Matrix {
    /// The violations.
    pub violations: Vec<Violation>,
    /// The violations of pieces that were run again.
    pub violated_before: Vec<Violation>,
    rows: BTreeMap<Place, Row>,
    units: usize,
    done: usize,
    runs: usize,
    took: Duration,
}

#[derive(Debug, Default, Clone)]
struct Row {
    points: usize,
    faults: BTreeMap<super::fault::Fault, usize>,
    hypotheses: BTreeMap<Hypothesis, usize>,
    cells: usize,
    attempts: usize,
    restarts: usize,
    reruns: usize,
    violations: usize,
}

impl Matrix {
    /// The results of `units` in `pieces`.
    #[must_use]
    pub(super) fn new(points: &[Point], units: &[Unit], pieces: &Pieces) -> Self {
        let (runs, took) = pieces.runs();
        let mut matrix = Self { units: units.len(), runs, took, ..Self::default() };
        for point in points {
            matrix.rows.entry(point.place).or_default().points += 1;
        }
        for unit in units {
            if let Some((last, before)) = pieces.of(unit).split_last() {
                matrix.add(unit, last, before);
            }
        }
        matrix
    }

    fn add(&mut self, unit: &Unit, last: &Piece, before: &[Piece]) {
        self.done += 1;
        let row = self.rows.entry(unit.point.place).or_default();
        *row.faults.entry(unit.fault).or_default() += 1;
        row.reruns += before.len();
        for (hypothesis, outcome) in &last.cells {
            *row.hypotheses.entry(*hypothesis).or_default() += 1;
            row.cells += 1;
            row.attempts += outcome.attempts;
            row.restarts += outcome.restarts;
        }
        let violations = violations(unit, last);
        row.violations += violations.len();
        self.violations.extend(violations);
        self.violated_before.extend(before.iter().flat_map(|piece| self::violations(unit, piece)));
    }

    /// Whether no cell was selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.units == 0
    }

    /// Whether at least one unit was selected and every unit ended.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.done > 0 && self.done == self.units
    }

    /// Whether all cells ran and none was violated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.is_whole()
    }

    /// The table, the number of runs, and the commands that repeat the violated cells.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::from(
            "| where | injection points | faults | hypotheses | cells | attempts | restarts | reruns | violations |\n\
             |:--|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        let mut all = Row::default();
        for (place, row) in &self.rows {
            line(&mut text, &place.to_string(), row);
            all.points += row.points;
            all.faults.extend(&row.faults);
            all.hypotheses.extend(&row.hypotheses);
            all.cells += row.cells;
            all.attempts += row.attempts;
            all.restarts += row.restarts;
            all.reruns += row.reruns;
            all.violations += row.violations;
        }
        line(&mut text, "all", &all);
        let (done, units, runs) = (self.done, self.units, self.runs);
        let times = if runs == 1 { "run" } else { "runs" };
        let _ = write!(
            text,
            "\n{done} of {units} faults at calls, in {runs} {times}, {}\n\
             restarts: a cell was started again because its call did not come; reruns: a piece was violated, and run \
             again with `--again`\n",
            minutes(self.took)
        );
        for Violation { cell, what } in &self.violations {
            let _ =
                write!(text, "\nviolated: {cell}\n  {what}\n  repeat: cargo xtask prove --cells '{cell}'\n");
        }
        for Violation { cell, what } in &self.violated_before {
            let _ = write!(text, "\nviolated before it was run again: {cell}\n  {what}\n");
        }
        text
    }
}

/// The violations in one piece.
pub(super) fn violations(unit: &Unit, piece: &Piece) -> Vec<Violation> {
    let violated = |(hypothesis, outcome): &(Hypothesis, super::cell::Outcome)| {
        let cell = unit.coordinates(*hypothesis);
        outcome.violation.clone().map(|what| Violation { cell, what })
    };
    piece.cells.iter().filter_map(violated).collect()
}

/// A time for people.
#[must_use]
pub fn minutes(time: Duration) -> String {
    format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
}

fn line(text: &mut String, name: &str, row: &Row) {
    let Row { points, faults, hypotheses, cells, attempts, restarts, reruns, violations } = row;
    let (faults, hypotheses) = (faults.len(), hypotheses.len());
    let _ = writeln!(
        text,
        "| {name} | {points} | {faults} | {hypotheses} | {cells} | {attempts} | {restarts} | {reruns} | {violations} |"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_matrix::cell::Outcome;
    use crate::fault_matrix::fault::Fault;
    use crate::fault_matrix::piece::{Line, Moment};
    use crate::fault_matrix::point::Turn;
    use crate::fault_matrix::selection::{Selection, units};

    fn point() -> Point {
        let (step, call) = ("testSecret".to_owned(), "login".to_owned());
        Point { turn: Turn::Later, place: Place::Amqps, step, call, nth: 1 }
    }

    fn the_unit() -> Unit {
        let mut units = units(&[point()], &Selection::All);
        units.retain(|unit| unit.fault == Fault::Dropped);
        units.remove(0)
    }

    fn ran(run: usize, violation: Option<&str>) -> Line {
        let fine = Outcome { attempts: 2, restarts: 1, ..Outcome::default() };
        let other = Outcome { attempts: 1, violation: violation.map(str::to_owned), ..Outcome::default() };
        let cells = vec![(Hypothesis::SameToken, fine), (Hypothesis::None, other)];
        Line::Piece(Piece { unit: the_unit().name(), moment: Moment { run, after_ms: 61_000 }, cells })
    }

    fn matrix(lines: Vec<Line>) -> Matrix {
        let mut pieces = Pieces::default();
        lines.into_iter().for_each(|line| pieces.add(line));
        Matrix::new(&[point()], &[the_unit()], &pieces)
    }

    #[test]
    fn a_violated_cell_is_in_the_table_with_the_command_that_repeats_it() {
        let nothing = matrix(vec![]);
        assert!(!nothing.holds() && !nothing.is_whole(), "nothing ran");
        let matrix = matrix(vec![ran(1, Some("it broke"))]);
        assert!(!matrix.holds() && matrix.is_whole());
        let text = matrix.to_markdown();
        assert!(text.contains("| rotation-mq/amqps | 1 | 1 | 2 | 2 | 3 | 1 | 0 | 1 |"), "{text}");
        let repeat = "prove --cells 'later rotation-mq/amqps testSecret login #1, dropped, none'";
        assert!(text.contains(repeat), "{text}");
        assert!(text.contains("1 of 1 faults at calls, in 1 run, 1 min 1 s"), "{text}");
    }

    #[test]
    fn a_repeated_piece_counts_with_its_last_result_and_its_violation_is_still_reported() {
        let matrix = matrix(vec![ran(1, Some("it broke")), ran(2, None)]);
        assert!(matrix.holds());
        let text = matrix.to_markdown();
        assert!(text.contains("| all | 1 | 1 | 2 | 2 | 3 | 1 | 1 | 0 |"), "{text}");
        let before =
            "violated before it was run again: later rotation-mq/amqps testSecret login #1, dropped, none";
        assert!(text.contains(before) && text.contains("it broke"), "{text}");
        assert!(text.contains("in 2 runs, 2 min 2 s"), "{text}");
    }
}

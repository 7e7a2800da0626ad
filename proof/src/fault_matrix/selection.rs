//! The selection of the cells to run. Pure.

use super::fault::Fault;
use super::hypothesis::Hypothesis;
use super::place::Place;
use super::point::Point;

/// The cells to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every fault at every call under every hypothesis.
    All,
    /// Half of the faults of every place, each at one call under one hypothesis, in turn.
    Short,
    /// The cells whose coordinates contain a text.
    Matching(String),
}

/// One fault at one call, under several hypotheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The call.
    pub point: Point,
    /// The fault at the call.
    pub fault: Fault,
    number: usize,
}

impl Unit {
    /// The coordinates that its cells share.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, {}", self.point, self.fault)
    }

    /// The coordinates of one cell, with which it can be selected.
    #[must_use]
    pub fn coordinates(&self, hypothesis: Hypothesis) -> String {
        format!("{}, {hypothesis}", self.name())
    }
}

impl Selection {
    /// The hypotheses under which a unit runs.
    #[must_use]
    pub fn hypotheses(&self, unit: &Unit) -> Vec<Hypothesis> {
        let all = Hypothesis::of(unit.point.place);
        match self {
            Self::All => all,
            Self::Short => vec![all[unit.number % all.len()]],
            Self::Matching(text) => {
                all.into_iter().filter(|hypothesis| unit.coordinates(*hypothesis).contains(text)).collect()
            }
        }
    }
}

/// The units to run. Those of the last place come first, because they take longest.
#[must_use]
pub fn units(points: &[Point], selection: &Selection) -> Vec<Unit> {
    let mut units = Vec::new();
    for (turn, place) in Place::ALL.into_iter().enumerate().rev() {
        let faults = Fault::of(place);
        let points: Vec<&Point> = points.iter().filter(|point| point.place == place).collect();
        for (at, point) in points.iter().enumerate() {
            for (kind, fault) in faults.iter().enumerate() {
                let spread = if points.len() < faults.len() {
                    kind % points.len()
                } else {
                    kind * points.len() / faults.len()
                };
                let in_turn = spread == at && (kind + turn) % 2 == 0;
                if *selection != Selection::Short || in_turn {
                    units.push(Unit { point: (*point).clone(), fault: *fault, number: units.len() });
                }
            }
        }
    }
    units.retain(|unit| !selection.hypotheses(unit).is_empty());
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_matrix::point::Turn;

    fn points() -> Vec<Point> {
        let point = |place, call: &str| Point {
            turn: Turn::Later,
            place,
            step: "setSecret".to_owned(),
            call: call.to_owned(),
            nth: 1,
        };
        let calls = (0..20).map(|number| format!("GET {number}"));
        let management = calls.map(|call| point(Place::Management, &call));
        management.chain([point(Place::Amqps, "login"), point(Place::RotationAws, "Invoke")]).collect()
    }

    #[test]
    fn every_fault_at_every_call_under_every_hypothesis() {
        let all = units(&points(), &Selection::All);
        let faults = |place| Fault::of(place).len();
        let expected = 20 * faults(Place::Management) + faults(Place::Amqps) + faults(Place::RotationAws);
        assert_eq!(all.len(), expected);
        assert!(all.iter().all(|unit| Selection::All.hypotheses(unit).len() == 5));
    }

    #[test]
    fn the_short_form_has_every_place_every_fault_and_every_hypothesis() {
        let short = units(&points(), &Selection::Short);
        for place in [Place::Management, Place::Amqps, Place::RotationAws] {
            let count = short.iter().filter(|unit| unit.point.place == place).count();
            assert!(
                (Fault::of(place).len() / 2..=Fault::of(place).len().div_ceil(2)).contains(&count),
                "{place}"
            );
        }
        for fault in Fault::of(Place::Management) {
            assert!(short.iter().any(|unit| unit.fault == fault), "{fault}");
        }
        let hypotheses = |unit| Selection::Short.hypotheses(unit);
        assert!(short.iter().all(|unit| hypotheses(unit).len() == 1));
        for hypothesis in Hypothesis::ALL {
            assert!(short.iter().any(|unit| hypotheses(unit) == [hypothesis]), "{hypothesis}");
        }
    }

    #[test]
    fn the_coordinates_of_a_cell_select_that_cell_alone() {
        let points = points();
        let coordinates = "later rotation-mq/management setSecret GET 7 #1, always 503, none";
        let selection = Selection::Matching(coordinates.to_owned());
        let chosen = units(&points, &selection);
        let [unit] = chosen.as_slice() else { panic!("{chosen:?}") };
        assert_eq!(selection.hypotheses(unit), [Hypothesis::None]);
        assert_eq!(unit.coordinates(Hypothesis::None), coordinates);
    }
}

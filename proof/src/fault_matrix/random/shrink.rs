//! The parts of a violated schedule that are necessary for the violation.

use super::schedule::Schedule;

/// How often a smaller schedule is run. Each takes some ten seconds.
const RUNS: usize = 24;

/// Takes one part after the other away, and keeps it away if the schedule is still `violated`. Returns the numbers of the
/// parts that are left.
///
/// Not every violation happens each time, so a part may be left that is not necessary.
pub async fn necessary(schedule: &Schedule, mut violated: impl AsyncFnMut(Schedule) -> bool) -> Vec<usize> {
    let mut left = schedule.numbers();
    let mut runs = 0;
    // Half of the parts at a time, then fewer.
    let mut size = left.len().div_ceil(2);
    while size > 0 && runs < RUNS {
        let mut at = 0;
        while at < left.len() && runs < RUNS {
            let without: Vec<usize> = left
                .iter()
                .enumerate()
                .filter(|(index, _)| !(at..at + size).contains(index))
                .map(|(_, n)| *n)
                .collect();
            runs += 1;
            if violated(schedule.only(&without)).await {
                left = without;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_matrix::place::Place;
    use crate::fault_matrix::point::{Point, Turn};

    #[tokio::test]
    async fn the_two_parts_that_break_something_together_are_found() {
        let point = Point {
            turn: Turn::Later,
            place: Place::Management,
            step: "setSecret".to_owned(),
            call: "GET".to_owned(),
            nth: 1,
        };
        let schedule = (0..)
            .map(|seed| Schedule::of(seed, std::slice::from_ref(&point)))
            .find(|one| one.parts.len() >= 6)
            .unwrap();
        let is_violated =
            async |smaller: Schedule| [1, 4].iter().all(|part| smaller.numbers().contains(part));
        assert_eq!(necessary(&schedule, is_violated).await, [1, 4]);
        assert_eq!(necessary(&schedule, async |_| true).await, [0_usize; 0]);
    }
}

//! Progress reports while the cells run. Pure.

use std::time::Duration;

use super::matrix::minutes;

/// The number of units between two reports.
const TELL_EVERY: usize = 25;

/// The progress of a run. Units have different numbers of cells, so the remaining time is estimated from the cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Units of all runs.
    pub units: usize,
    /// Units that have ended, also in earlier runs.
    pub done: usize,
    /// Cells that remained at the start of this run.
    pub cells: usize,
    /// Cells that this run has run.
    pub cells_done: usize,
}

impl Progress {
    /// Counts one more ended unit with its cells, `elapsed` after the start of the run. Returns a report, if one is due.
    pub fn add(&mut self, cells: usize, elapsed: Duration) -> Option<String> {
        self.done += 1;
        self.cells_done += cells;
        let Self { units, done, .. } = *self;
        let told = || {
            let left = self.left(elapsed);
            format!(
                "  {done} of {units} faults at calls after {}, about {} left",
                minutes(elapsed),
                minutes(left)
            )
        };
        done.is_multiple_of(TELL_EVERY).then(told)
    }

    /// The remaining cells are assumed to take as long as those that have ended.
    fn left(&self, elapsed: Duration) -> Duration {
        let (done, left) = (self.cells_done.max(1), self.cells.saturating_sub(self.cells_done));
        let ratio = u32::try_from(left).unwrap_or(u32::MAX);
        elapsed.saturating_mul(ratio) / u32::try_from(done).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_cells_left_at_the_speed_of_this_run() {
        let mut progress = Progress { units: 100, done: 48, cells: 30, cells_done: 0 };
        assert_eq!(progress.add(5, Duration::from_secs(30)), None);
        let told = progress.add(5, Duration::from_mins(1));
        assert_eq!(
            told.as_deref(),
            Some("  50 of 100 faults at calls after 1 min 0 s, about 2 min 0 s left")
        );
    }
}

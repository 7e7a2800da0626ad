//! The sum of all schedules of a commit. Pure.

use std::fmt::Write as _;
use std::ops::Range;

use super::Ran;
use crate::fault_matrix::matrix::minutes;
use crate::fault_matrix::piece::Pieces;

/// The results of schedules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The seeds that were asked for, and have no result.
    pub left: usize,
    /// The violated schedules of the commit.
    pub violated: Vec<Ran>,
    schedules: usize,
    parts: usize,
    reached: usize,
    attempts: usize,
    took_ms: u64,
    ranges: Vec<Range<u64>>,
}

impl Tally {
    /// All schedules that are stored, and whether `wanted` are among them.
    #[must_use]
    pub fn of(wanted: &Range<u64>, pieces: &Pieces) -> Self {
        let mut tally = Self::default();
        for ran in pieces.schedules.values() {
            tally.schedules += 1;
            // The first line is about the rotation.
            tally.parts += ran.parts.len().saturating_sub(1);
            tally.reached += ran.reached;
            tally.attempts += ran.attempts;
            tally.took_ms += ran.took_ms;
            match tally.ranges.last_mut().filter(|range| range.end == ran.seed) {
                Some(range) => range.end += 1,
                None => tally.ranges.push(ran.seed..ran.seed + 1),
            }
            if ran.violation.is_some() {
                tally.violated.push(ran.clone());
            }
        }
        tally.left = wanted.clone().filter(|seed| !pieces.schedules.contains_key(seed)).count();
        tally
    }

    /// Whether at least one schedule ran, and none was violated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.schedules > 0 && self.violated.is_empty()
    }

    /// The sum, and the commands that repeat the violated schedules.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let Self { schedules, parts, reached, attempts, took_ms, violated, .. } = self;
        let took = minutes(std::time::Duration::from_millis(*took_ms));
        let seeds: Vec<String> =
            self.ranges.iter().map(|range| format!("{} to {}", range.start, range.end - 1)).collect();
        let mut text = format!(
            "| schedules | parts | faults that found their call | attempts | violated | time of all stands |\n\
             |--:|--:|--:|--:|--:|--:|\n| {schedules} | {parts} | {reached} | {attempts} | {} | {took} |\n\nseeds {}\n",
            violated.len(),
            seeds.join(", ")
        );
        for ran in violated {
            let _ = write!(text, "\n{}\n", self::violated(ran));
        }
        text
    }
}

/// A violated schedule, with the command that repeats it.
#[must_use]
pub fn violated(ran: &Ran) -> String {
    let necessary: Vec<String> = ran.necessary.iter().map(ToString::to_string).collect();
    let is_necessary =
        |line: &&String| necessary.iter().any(|number| line.starts_with(&format!("{number}: ")));
    let mut lines: Vec<&str> = ran.parts.iter().take(1).map(String::as_str).collect();
    lines.extend(ran.parts.iter().filter(is_necessary).map(String::as_str));
    let mut command = format!("cargo xtask prove --random 1 --seed {}", ran.seed);
    if necessary.is_empty() {
        lines.push("violated without any part");
        command.push_str(" --again");
    } else {
        let _ = write!(command, " --parts {}", necessary.join(","));
    }
    format!(
        "violated: seed {}: {}\n  {}\n  repeat: {command}",
        ran.seed,
        ran.violation.as_deref().unwrap_or_default(),
        lines.join("\n  ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(results: &[(u64, Option<&str>)]) -> Pieces {
        let ran = |(seed, violation): &(u64, Option<&str>)| Ran {
            seed: *seed,
            parts: ["a later rotation", "0: one", "1: two"].map(str::to_owned).to_vec(),
            necessary: vec![1],
            attempts: 2,
            violation: violation.map(str::to_owned),
            took_ms: 30_000,
            ..Ran::default()
        };
        let schedules = results.iter().map(|one| (one.0, ran(one))).collect();
        Pieces { schedules, ..Pieces::default() }
    }

    #[test]
    fn ranges_of_seeds_are_added_up_and_a_hole_is_left_to_run() {
        let tally = Tally::of(&(1..6), &pieces(&[(1, None), (2, None), (4, None)]));
        assert!(tally.holds());
        assert_eq!(tally.left, 2);
        let text = tally.to_markdown();
        assert!(text.contains("| 3 | 6 | 0 | 6 | 0 | 1 min 30 s |"), "{text}");
        assert!(text.contains("seeds 1 to 2, 4 to 4"), "{text}");
        assert!(!Tally::of(&(1..2), &pieces(&[])).holds(), "nothing ran");
    }

    #[test]
    fn a_violated_schedule_is_shown_with_its_necessary_parts_and_its_command() {
        let tally = Tally::of(&(9..10), &pieces(&[(9, Some("it broke"))]));
        assert!(!tally.holds());
        let text = tally.to_markdown();
        assert!(text.contains("cargo xtask prove --random 1 --seed 9 --parts 1\n"), "{text}");
        assert!(text.contains("1: two") && !text.contains("0: one"), "{text}");
    }
}

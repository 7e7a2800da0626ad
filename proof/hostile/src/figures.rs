//! What a run counts, for the page of the book.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Judged;
use crate::limits::{FIGURES, Limits};

/// The figures of one target.
#[derive(Debug)]
pub struct Figures {
    target: &'static str,
    limits: Limits,
    /// The inputs of the corpus.
    pub stored: usize,
    inputs: u64,
    refused: u64,
    slowest: Duration,
    longest_said: usize,
    largest: usize,
    /// The most memory that the test program has used.
    pub memory_bytes: u64,
    began: Instant,
}

impl Figures {
    /// Begins to count.
    pub fn begin(target: &'static str, limits: Limits) -> Self {
        let (stored, inputs, refused, longest_said, largest) = (0, 0, 0, 0, 0);
        let (slowest, memory_bytes, began) = (Duration::ZERO, 0, Instant::now());
        Self { target, limits, stored, inputs, refused, slowest, longest_said, largest, memory_bytes, began }
    }

    /// Counts one input.
    pub fn add(&mut self, judged: &Judged) {
        self.inputs += 1;
        self.refused += u64::from(judged.refused);
        self.slowest = self.slowest.max(judged.took);
        self.longest_said = self.longest_said.max(judged.said);
        self.largest = self.largest.max(judged.bytes);
    }

    /// Writes the row to the folder of the run, if there is one.
    pub fn end(&mut self) {
        self.memory_bytes = peak_memory().unwrap_or_default();
        let Some(folder) = std::env::var_os(FIGURES) else { return };
        let file = PathBuf::from(folder).join(format!("{}.md", self.target));
        // A figure that is missing is missed on the page. It is no failure of the parser.
        let _ = fs::write(file, self.row());
    }

    fn row(&self) -> String {
        let Self { target, inputs, refused, slowest, longest_said, largest, stored, .. } = self;
        let (seed, seconds) = (self.limits.seed, self.began.elapsed().as_secs());
        let memory = self.memory_bytes / 1_000_000;
        format!(
            "| {target} | {inputs} | {seed} | {stored} | {refused} | {largest} B | {:.1} ms | {longest_said} B | {memory} MB | {seconds} s |\n",
            slowest.as_secs_f64() * 1_000.0
        )
    }
}

/// `VmHWM` of proc(5).
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1_024)
}

//! What a run counts, for the page of the book.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Target;
use crate::judge::Checked;
use crate::limits::{FIGURES, Limits};

/// The figures of one target.
#[derive(Debug)]
pub struct Figures {
    target: Target,
    limits: Limits,
    stored: usize,
    inputs: u64,
    refused: u64,
    slowest: Duration,
    longest_report: usize,
    largest: usize,
    began: Instant,
}

impl Figures {
    /// Begins to count. The corpus has `stored` inputs.
    pub fn begin(target: &Target, limits: Limits, stored: usize) -> Self {
        let (inputs, refused, longest_report, largest) = (0, 0, 0, 0);
        let (target, slowest, began) = (*target, Duration::ZERO, Instant::now());
        Self { target, limits, stored, inputs, refused, slowest, longest_report, largest, began }
    }

    /// Counts inputs.
    pub fn add(&mut self, all: &[Checked]) {
        for checked in all {
            self.inputs += 1;
            self.refused += u64::from(checked.refused);
            self.slowest = self.slowest.max(checked.took);
            self.longest_report = self.longest_report.max(checked.report_bytes);
            self.largest = self.largest.max(checked.bytes);
        }
    }

    /// Writes the row to the folder of the run, if there is one. Returns the most memory that the program has used, in bytes.
    pub fn end(&self) -> u64 {
        let memory = peak_memory().unwrap_or_else(|| panic!("/proc/self/status has no VmHWM"));
        if let Some(folder) = std::env::var_os(FIGURES) {
            let file = PathBuf::from(folder).join(format!("{}.md", self.target.name));
            // If the file cannot be written, the run continues: the parser has not failed.
            let _ = fs::write(file, self.row(memory));
        }
        memory
    }

    /// As the head of the table in `xtask/src/fuzz.rs`.
    fn row(&self, memory_bytes: u64) -> String {
        let Self { inputs, refused, slowest, longest_report, largest, stored, .. } = self;
        let Target { name, has_canary, .. } = self.target;
        let canary = if has_canary { "yes" } else { "no" };
        let (seed, seconds) = (self.limits.seed, self.began.elapsed().as_secs());
        let memory = memory_bytes / 1_000_000;
        format!(
            "| {name} | {inputs} | {seed} | {stored} | {canary} | {refused} | {largest} B | {:.1} ms | {longest_report} B | {memory} MB | {seconds} s |\n",
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

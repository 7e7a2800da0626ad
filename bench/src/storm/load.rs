//! The CPU time of the machine and of the AWS emulator, and the memory of a function.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use testbed::cloud::{Cloud, processes_of};

use crate::process::peak_kb_in;

/// Linux counts CPU time in hundredths of a second for every program (`USER_HZ`), proc(5).
const TICKS_A_SECOND: f64 = 100.0;

/// CPU time up to now, in ticks.
pub struct Load {
    at: Instant,
    machine: u64,
    emulator: u64,
}

/// The cores that were busy on average.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    /// In the whole machine, with all other programs.
    pub machine: f64,
    /// In the emulator, which runs on one core: without its functions.
    pub emulator: f64,
    /// The cores that the machine has.
    pub all: usize,
}

impl Load {
    /// # Errors
    /// When the system does not report it.
    pub fn now(cloud: &Cloud) -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let machine = busy_ticks(&stat).context("/proc/stat has no line of all cores")?;
        let emulator = emulator_processes(cloud).iter().filter_map(|process| ticks_of(process)).sum();
        Ok(Self { at: Instant::now(), machine, emulator })
    }

    pub fn since(&self, earlier: &Self) -> Cores {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        let cores = |ticks: u64| ticks as f64 / TICKS_A_SECOND / seconds;
        Cores {
            machine: cores(self.machine.saturating_sub(earlier.machine)),
            emulator: cores(self.emulator.saturating_sub(earlier.emulator)),
            all: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// All ticks of the first line that are neither idle nor waits for a disk.
pub(crate) fn busy_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let fields: Vec<u64> = fields.by_ref().take(8).map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _io_wait, irq, soft_irq, _stolen] = fields.try_into().ok()?;
    Some(user + nice + system + irq + soft_irq)
}

/// `utime` and `stime` of a process, `proc_pid_stat(5)`.
fn ticks_of(process: &Path) -> Option<u64> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // The name before it may contain spaces.
    let (_, after_the_name) = stat.rsplit_once(") ")?;
    let mut fields = after_the_name.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// The emulator has this variable, and its functions do not.
fn emulator_processes(cloud: &Cloud) -> Vec<PathBuf> {
    let port = cloud.aws.endpoint().rsplit(':').next().unwrap_or_default();
    let wanted = format!("GATEWAY_PORT={port}");
    let is_it = |process: &PathBuf| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.map(|process| process.path()).filter(is_it).collect()
}

/// The processes of a function, whenever they were looked at.
#[derive(Debug)]
pub struct Memory {
    endpoint: String,
    function: String,
    /// The peak resident memory of the largest process, shared pages included.
    pub peak_kb: u64,
    /// The most processes at once.
    pub processes: usize,
}

impl Memory {
    pub fn of(cloud: &Cloud, function: &str) -> Self {
        let (endpoint, function) = (cloud.aws.endpoint().to_owned(), function.to_owned());
        Self { endpoint, function, peak_kb: 0, processes: 0 }
    }

    pub fn look(&mut self) {
        let processes = processes_of(&self.endpoint, &self.function);
        self.processes = self.processes.max(processes.len());
        let peaks = processes.iter().filter_map(|process| peak_kb(process));
        self.peak_kb = peaks.max().unwrap_or_default().max(self.peak_kb);
    }
}

fn peak_kb(process: &Path) -> Option<u64> {
    peak_kb_in(&std::fs::read_to_string(process.join("status")).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_and_waits_for_a_disk_are_no_load() {
        assert_eq!(busy_ticks("cpu  1 2 3 1000 500 4 5 6 0 0\ncpu0 1 2 3 4"), Some(15));
        assert_eq!(busy_ticks("intr 1"), None);
    }
}

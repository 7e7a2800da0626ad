//! Everything that a run has measured, as data. The report, the plot and README's lines are made from it alone.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use testbed::cloud::workspace;

use crate::calls::Calls;
use crate::share::WHOLE_CORE_MB;
use crate::spread::Spread;
use crate::tenants::Tenants;

/// The committed figures, relative to the repository's root.
pub const FILE: &str = "bench/report/figures.json";

/// rotation-mq, in the tables.
pub const OURS: &str = "rotation-mq";
/// The function of `bench/peer`, in the tables.
pub const PEER: &str = "Python";
/// The function that does nothing, in the tables.
pub const EMPTY: &str = "empty function";

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Where and when they were measured.
    pub machine: Machine,
    /// The time from the start of a process to its first poll, on whole cores, by program.
    pub cold_starts: BTreeMap<String, Spread>,
    /// Rotations, one entry for each program and memory size.
    pub rotations: Vec<Rotations>,
    /// The calls of one rotation by rotation-mq.
    pub calls: Calls,
    /// The size of the zip of rotation-mq.
    pub zip_bytes: u64,
    /// The other functions, one entry for each function and memory size.
    pub others: Vec<Invocations>,
    /// The way into the cluster, unless it was not measured.
    pub delivery: Option<Delivery>,
    /// The table of a rotation storm, unless it was not measured.
    pub storm: Option<String>,
    /// Thousands of customers' secrets, measured by a run of its own, unless it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Tenants>,
}

/// Where and when figures were measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the CPU.
    pub cpu: String,
    /// The number of cores.
    pub cores: usize,
    /// The version of the kernel.
    pub kernel: String,
    /// The control group that gave the share of a core, or the reason why there was none.
    pub share: Result<String, String>,
    /// The version of the broker.
    pub rabbitmq: String,
    /// The CPU time that other programs used before the run, in percent of one core.
    pub busy_percent: u32,
    /// The day, in UTC.
    pub date: String,
    /// The commit.
    pub commit: String,
    /// The command.
    pub command: String,
}

/// Rotations by one program with one memory size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotations {
    /// The program.
    pub program: String,
    /// The memory, in MB.
    pub memory_mb: u32,
    /// The sum of the four steps, in a process that has rotated before.
    pub warm: Spread,
    /// The same, for each step.
    pub steps: [Spread; 4],
    /// Its CPU time.
    pub warm_cpu: Spread,
    /// The milliseconds that Lambda bills for a warm rotation, the median.
    pub warm_billed_ms: u64,
    /// From the start of the process to the end of its first rotation.
    pub first: Spread,
    /// The part of it before the first poll.
    pub start: Spread,
    /// Its CPU time.
    pub first_cpu: Spread,
    /// The milliseconds that Lambda bills for a first rotation, the median.
    pub first_billed_ms: u64,
    /// The peak memory of a process that has rotated many times.
    pub peak_kb: u64,
}

/// Invocations of another function with one memory size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocations {
    /// The function.
    pub program: String,
    /// What it does in one invocation.
    pub work: String,
    /// The memory, in MB.
    pub memory_mb: u32,
    /// An invocation of a process that has done the same before.
    pub warm: Spread,
    /// Its CPU time.
    pub warm_cpu: Spread,
    /// From the start of the process to the end of its first invocation.
    pub first: Spread,
    /// Its CPU time.
    pub first_cpu: Spread,
    /// The peak memory of a process after many invocations.
    pub peak_kb: u64,
}

/// The way of new credentials into the cluster, with the deployed functions on whole cores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// From `RotateSecret` to the new credentials in the Kubernetes Secret.
    pub in_cluster: Spread,
    /// From `RotateSecret` to the new connection of the application.
    pub reconnected: Spread,
}

impl Figures {
    /// The rotations of a program with this memory.
    #[must_use]
    pub fn rotations_of(&self, program: &str, memory_mb: u32) -> Option<&Rotations> {
        self.rotations.iter().find(|series| series.program == program && series.memory_mb == memory_mb)
    }

    /// The smallest memory size that was measured. Without control groups, this is a whole core.
    #[must_use]
    pub fn smallest_mb(&self) -> u32 {
        self.rotations.iter().map(|series| series.memory_mb).min().unwrap_or(WHOLE_CORE_MB)
    }

    /// Reads the committed figures. `None` if there are none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read() -> Result<Option<Self>> {
        let path = workspace().join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(path).context(FILE)?;
        serde_json::from_str(&text)
            .with_context(|| format!("{FILE} has another form: repeat the measurement"))
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Never, because the figures have no map whose keys are no texts.
    pub fn to_json(&self) -> Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}

/// Figures for tests: the values of a whole run, made up.
#[cfg(test)]
pub(crate) fn example() -> Figures {
    let spread = |ms: u64| Spread {
        median_us: ms * 1_000,
        p90_us: ms * 1_100,
        fastest_us: ms * 900,
        slowest_us: ms * 1_200,
        runs: 20,
    };
    let rotations = |program: &str, memory_mb: u32, warm: u64| Rotations {
        program: program.to_owned(),
        memory_mb,
        warm: spread(warm),
        steps: [spread(warm / 4); 4],
        warm_cpu: spread(9),
        warm_billed_ms: warm + 2,
        first: spread(warm * 2),
        start: spread(10),
        first_cpu: spread(20),
        first_billed_ms: warm * 2 + 2,
        peak_kb: 9_800,
    };
    let sizes = crate::MEMORY_MB.into_iter();
    let both = sizes.flat_map(|size| {
        let ours = u64::from(20_000 / size).max(30);
        [rotations(OURS, size, ours), rotations(PEER, size, ours * 10)]
    });
    Figures {
        machine: Machine {
            cpu: "Example CPU".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            share: Ok("control group of version 2, 1447 of 20000 µs with 128 MB".to_owned()),
            rabbitmq: "4.0.5".to_owned(),
            busy_percent: 5,
            date: "2026-12-01".to_owned(),
            commit: "0123456789ab".to_owned(),
            command: "cargo xtask bench --report".to_owned(),
        },
        cold_starts: [(OURS, 12), (EMPTY, 8), (PEER, 400)]
            .map(|(name, ms)| (name.to_owned(), spread(ms)))
            .into(),
        rotations: both.collect(),
        calls: Calls::example(),
        zip_bytes: 2_900_000,
        others: vec![Invocations {
            program: "dlq-handler".to_owned(),
            work: "ten failures".to_owned(),
            memory_mb: 128,
            warm: spread(300),
            warm_cpu: spread(12),
            first: spread(400),
            first_cpu: spread(15),
            peak_kb: 9_000,
        }],
        delivery: Some(Delivery { in_cluster: spread(140), reconnected: spread(210) }),
        storm: None,
        tenants: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_they_were_written() {
        let figures = example();
        let text = figures.to_json().unwrap();
        assert_eq!(serde_json::from_str::<Figures>(&text).unwrap(), figures);
        assert_eq!(figures.smallest_mb(), 128);
        assert!(figures.rotations_of(PEER, 1_769).is_some() && figures.rotations_of(PEER, 1).is_none());
    }
}

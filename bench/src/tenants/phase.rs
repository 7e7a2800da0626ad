//! What kept a phase from a higher rate. Pure.

use super::figures::Phase;
use super::usage::Part;

pub const CREATED: &str = "created and delivered";
pub const CHANGED: &str = "all changed and delivered";
pub const RECONCILED: &str = "reconciled, nothing to do";
pub const DELETED: &str = "secrets deleted, no event";
pub const OFFBOARDED: &str = "offboarded";

/// The quotas of an account in a region, in calls a second. A quota of several operations is for all of them together.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
pub const QUOTAS: [(&[&str], u64); 7] = [
    (&["CreateSecret"], 50),
    (&["PutSecretValue"], 50),
    (&["DeleteSecret"], 50),
    (&["TagResource", "UntagResource"], 50),
    (&["ListSecrets"], 100),
    (&["DescribeSecret"], 40_000),
    (&["GetSecretValue"], 10_000),
];
/// A quota is the bottleneck if this part of it was used.
const REACHED: f64 = 0.8;
/// A core, or all cores, are the bottleneck above this part.
const BUSY: f64 = 0.9;

impl Phase {
    /// The secrets a second.
    pub fn a_second(&self) -> f64 {
        self.secrets as f64 / self.seconds()
    }

    fn seconds(&self) -> f64 {
        self.time_ms.max(1) as f64 / 1_000.0
    }

    /// The calls of these operations together, those that were served and those that were refused.
    pub fn calls_of(&self, operations: &[&str]) -> [u64; 2] {
        let calls = operations.iter().filter_map(|operation| self.calls.get(*operation));
        calls.fold([0, 0], |[served, refused], [more, others]| [served + more, refused + others])
    }

    /// The part of a quota that was used on average.
    pub fn part_of(&self, operations: &[&str], a_second: u64) -> f64 {
        let [served, _] = self.calls_of(operations);
        served as f64 / self.seconds() / a_second as f64
    }

    /// The cores that a part of the testbed kept busy on average.
    pub fn cores_of(&self, part: &str) -> f64 {
        self.cores(self.cpu_ms.get(part).copied().unwrap_or_default())
    }

    /// The cores of the whole machine that were busy on average.
    pub fn busy_cores(&self) -> f64 {
        self.cores(self.machine_cpu_ms)
    }

    fn cores(&self, cpu_ms: u64) -> f64 {
        cpu_ms as f64 / self.measured_ms.max(1) as f64
    }

    /// What kept it from a higher rate, on a machine with this number of cores.
    pub fn bottleneck(&self, cores: usize) -> String {
        let used =
            QUOTAS.iter().map(|(operations, a_second)| (operations, self.part_of(operations, *a_second)));
        let most = used.max_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((operations, part)) = most.filter(|(_, part)| *part >= REACHED) {
            return format!(
                "the quota of {}: {:.0} % of it was used",
                operations.join(" with "),
                part * 100.0
            );
        }
        let mut parts: Vec<_> = self.cpu_ms.keys().map(|part| (part, self.cores_of(part))).collect();
        parts.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let busiest: Vec<_> =
            parts.iter().take(2).map(|(part, cores)| format!("{part} {cores:.1}")).collect();
        let busiest = busiest.join(", ");
        if self.busy_cores() >= BUSY * cores as f64 {
            format!("the CPU of this machine, {cores} cores: {busiest}")
        } else if self.cores_of(Part::Emulator.as_str()) >= BUSY {
            format!("the AWS emulator, which runs on one core: {busiest}")
        } else {
            format!("waits: {:.1} of {cores} cores were busy, most of them for {busiest}", self.busy_cores())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenants::figures::example;

    #[test]
    fn the_bottleneck_is_a_quota_a_part_of_the_machine_or_a_wait() {
        let mut phase = example().phases.remove(1);
        phase.time_ms = 1_000_000;
        for (calls, machine, emulator, expected) in [
            (45_000, 1_900, 950, "the quota of PutSecretValue: 90 %"),
            (30_000, 1_900, 950, "the CPU of this machine, 2 cores: the AWS emulator 0.9"),
            (30_000, 1_500, 950, "the AWS emulator, which runs on one core"),
            (30_000, 1_000, 300, "waits: 1.0 of 2 cores were busy"),
        ] {
            phase.calls.insert("PutSecretValue".to_owned(), [calls, 0]);
            phase.measured_ms = 1_000;
            phase.machine_cpu_ms = machine;
            phase.cpu_ms = [(Part::Emulator.as_str().to_owned(), emulator)].into();
            let found = phase.bottleneck(2);
            assert!(found.starts_with(expected), "{found}, not {expected}");
        }
    }

    #[test]
    fn operations_that_share_a_quota_count_together() {
        let mut phase = example().phases.remove(0);
        phase.calls = [("TagResource".to_owned(), [30, 1]), ("UntagResource".to_owned(), [20, 2])].into();
        phase.time_ms = 2_000;
        let operations = ["TagResource", "UntagResource"];
        assert_eq!(phase.calls_of(&operations), [50, 3]);
        assert!((phase.part_of(&operations, 50) - 0.5).abs() < 1e-9);
        assert_eq!(phase.calls_of(&["CreateSecret"]), [0, 0]);
    }
}

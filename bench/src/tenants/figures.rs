//! What a run with many secrets has measured, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::phase::CHANGED;
use super::usage::Part;
use crate::figures::{Invocations, Machine};

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenants {
    /// Where and when they were measured. This run is a separate one.
    pub machine: Machine,
    /// The number of secrets.
    pub secrets: usize,
    /// The number of namespaces, each with a store and a role of its own.
    pub namespaces: usize,
    /// What the operator does at once, as its options.
    pub operator: String,
    /// The most events of secret2eks that had not ended.
    pub events_in_progress: usize,
    /// The most processes of secret2eks at once, idle ones included.
    pub most_processes: usize,
    /// The phases, in their order.
    pub phases: Vec<Phase>,
    /// The run of the reconcile that must take nothing back.
    pub safeguard: Safeguard,
    /// The runs of the reconcile until everything was taken back.
    pub offboarding_runs: usize,
    /// Deliveries by secret2eks alone, one entry for each memory size.
    pub deliveries: Vec<Invocations>,
    /// Reconciles with nothing to do by secret2eks alone, one entry for each memory size.
    pub reconciles: Vec<Invocations>,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// What is done.
    pub name: String,
    /// The secrets for which it was done.
    pub secrets: usize,
    /// The time until the last.
    pub time_ms: u64,
    /// The calls of each operation that Secrets Manager served and refused.
    pub calls: BTreeMap<String, [u64; 2]>,
    /// The CPU time of the whole machine, other programs included.
    pub machine_cpu_ms: u64,
    /// The CPU time of each part of the testbed.
    pub cpu_ms: BTreeMap<String, u64>,
    /// The time in which these CPU times were used.
    pub measured_ms: u64,
    /// The peak memory of the largest process of secret2eks up to the end of the phase.
    pub peak_kb: u64,
    /// The incidents that were opened.
    pub incidents: usize,
}

/// What the safeguard against mass deletion did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safeguard {
    /// How many objects a run might take back.
    pub limit: usize,
    /// The secrets that were deleted.
    pub deleted: usize,
    /// The `ExternalSecrets` that were left in the cluster.
    pub kept: usize,
    /// The alerts.
    pub alerts: usize,
}

impl Tenants {
    /// The phase of that name.
    #[must_use]
    pub(crate) fn phase(&self, name: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.name == name)
    }

    /// The CPU time that the deployed secret2eks needs for one delivery of a changed secret, in microseconds.
    #[must_use]
    pub(crate) fn work_of_a_delivery_us(&self) -> Option<u64> {
        let phase = self.phase(CHANGED)?;
        let deliveries = u64::try_from(phase.secrets).ok().filter(|count| *count > 0)?;
        Some(phase.cpu_ms.get(Part::Secret2Eks.as_str())? * 1_000 / deliveries)
    }

    /// The reconcile with the smallest memory that was measured.
    #[must_use]
    pub(crate) fn smallest_reconcile(&self) -> Option<&Invocations> {
        self.reconciles.iter().min_by_key(|one| one.memory_mb)
    }

    /// The peak memory of secret2eks in all phases, and in a process that has only reconciled.
    #[must_use]
    pub(crate) fn peak_kb(&self) -> Option<u64> {
        let deployed = self.phases.iter().map(|phase| phase.peak_kb);
        let alone = self.reconciles.iter().chain(&self.deliveries).map(|one| one.peak_kb);
        deployed.chain(alone).max()
    }

    /// Whether the safeguard kept everything and notified people once.
    #[must_use]
    pub(crate) fn is_safe(&self) -> bool {
        let Safeguard { deleted, kept, alerts, .. } = self.safeguard;
        kept == deleted && alerts == 1
    }
}

/// Figures for tests: 10,000 secrets, made up.
#[cfg(test)]
pub(crate) fn example() -> Tenants {
    use super::phase::{CREATED, DELETED, OFFBOARDED, RECONCILED};
    let mut figures = crate::figures::example();
    let mut invocations = figures.others.remove(0);
    "secret2eks".clone_into(&mut invocations.program);
    let phase = |name: &str, seconds: u64, operation: &str| Phase {
        name: name.to_owned(),
        secrets: 10_000,
        time_ms: seconds * 1_000,
        calls: [(operation.to_owned(), [10_000, 3])].into(),
        machine_cpu_ms: seconds * 1_500,
        cpu_ms: [(Part::Secret2Eks, 30), (Part::Emulator, 700), (Part::ApiServer, 300)]
            .map(|(part, ms)| (part.as_str().to_owned(), ms * seconds))
            .into(),
        measured_ms: seconds * 1_000,
        peak_kb: 20_000,
        incidents: 0,
    };
    Tenants {
        machine: figures.machine,
        secrets: 10_000,
        namespaces: 1_000,
        operator: "--concurrent=10".to_owned(),
        events_in_progress: 32,
        most_processes: 30,
        phases: vec![
            phase(CREATED, 1_000, "CreateSecret"),
            phase(CHANGED, 500, "PutSecretValue"),
            phase(RECONCILED, 30, "ListSecrets"),
            phase(DELETED, 210, "DeleteSecret"),
            phase(OFFBOARDED, 300, "DescribeSecret"),
        ],
        safeguard: Safeguard { limit: 100, deleted: 10_000, kept: 10_000, alerts: 1 },
        offboarding_runs: 3,
        deliveries: vec![invocations.clone()],
        reconciles: vec![invocations],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_a_delivery_is_the_cpu_time_of_secret2eks_for_one_secret() {
        let mut tenants = example();
        assert_eq!(tenants.work_of_a_delivery_us(), Some(1_500));
        assert_eq!(tenants.peak_kb(), Some(20_000));
        assert!(tenants.is_safe());
        tenants.safeguard.kept -= 1;
        assert!(!tenants.is_safe());
        tenants.phases.clear();
        assert_eq!(tenants.work_of_a_delivery_us(), None);
    }
}

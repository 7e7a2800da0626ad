//! What a storm showed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use testbed::aws::{Calls, Outcomes};

use super::load::{Cores, Memory};
use super::{FEWEST_AT_ONCE, PART, ROTATIONS_A_SECOND, STARTS_A_SECOND};

/// A quota is the bottleneck if this part of it was used.
const REACHED: f64 = 0.8;
/// The quotas that a storm can reach, in calls a second.
const QUOTAS: [(&str, f64, &[&str]); 4] = [
    ("RotateSecret", STARTS_A_SECOND, &["RotateSecret"]),
    (
        "PutSecretValue with UpdateSecretVersionStage",
        2.0 * ROTATIONS_A_SECOND,
        &["PutSecretValue", "UpdateSecretVersionStage"],
    ),
    ("TagResource", 50.0, &["TagResource"]),
    ("DescribeBroker", 15.0, &["DescribeBroker"]),
];
/// A core, or all cores, are the bottleneck above this part.
const BUSY: f64 = 0.9;

/// What a storm showed.
#[derive(Debug)]
pub struct Storm {
    pub(super) secrets: usize,
    pub(super) scale: Scale,
    pub(super) outcome: Outcome,
    pub(super) calls: BTreeMap<String, Calls>,
    pub(super) load: Cores,
    pub(super) memory: Memory,
}

/// The size of the storm on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// It multiplies all quotas.
    pub factor: f64,
    /// The most rotations in progress.
    pub at_once: usize,
    secrets: usize,
}

/// How the rotations ended.
#[derive(Debug)]
pub struct Outcome {
    pub outcomes: Outcomes,
    /// The time to the end of the last rotation.
    pub rotated: Duration,
    /// The time to the end of the last delivery.
    pub time: Duration,
    pub longest_step: Duration,
    pub delivered: Option<usize>,
    /// The incidents that were opened, by kind.
    pub incidents: BTreeMap<String, usize>,
    /// The failure notices, by kind.
    pub failures: BTreeMap<String, usize>,
}

impl Scale {
    /// For an emulator that serves `capacity` rotations a second. The factor has two digits and is never above one.
    #[expect(clippy::cast_possible_truncation, reason = "a small positive number; a larger one saturates")]
    pub fn of(capacity: f64, secrets: usize) -> Self {
        let factor = (capacity * PART / ROTATIONS_A_SECOND * 100.0).floor() / 100.0;
        let factor = factor.clamp(0.01, 1.0);
        let half = (secrets as f64 * (1.0 - ROTATIONS_A_SECOND / STARTS_A_SECOND) * factor).ceil();
        Self { factor, at_once: (half as usize).max(FEWEST_AT_ONCE), secrets }
    }

    pub fn starts_a_second(self) -> f64 {
        STARTS_A_SECOND * self.factor
    }

    /// The rotations a second that the quota of writes allows.
    pub fn rotations_a_second(self) -> f64 {
        ROTATIONS_A_SECOND * self.factor
    }

    /// Four times the time that the storm takes by the quotas, and the longest time of a last rotation.
    pub fn limit(self) -> Duration {
        Duration::from_secs_f64(self.secrets as f64 / self.rotations_a_second() * 4.0 + 300.0)
    }
}

impl Storm {
    /// Whether every rotation succeeded, every delivery was made, and no incident was opened.
    #[must_use]
    pub fn held(&self) -> bool {
        let Outcome { outcomes, delivered, incidents, .. } = &self.outcome;
        outcomes.succeeded() == self.secrets
            && delivered.is_none_or(|delivered| delivered == self.secrets)
            && incidents.is_empty()
    }

    fn rotations_a_second(&self) -> f64 {
        self.outcome.outcomes.succeeded() as f64 / self.outcome.rotated.as_secs_f64()
    }

    /// The part of each quota that was used.
    fn used(&self) -> Vec<(&'static str, f64)> {
        let seconds = self.outcome.time.as_secs_f64() * self.scale.factor;
        let served = |operation: &&str| self.calls.get(*operation).map_or(0, |calls| calls.served) as f64;
        let of = |(name, a_second, operations): &(&'static str, f64, &[&str])| {
            (*name, operations.iter().map(served).sum::<f64>() / (a_second * seconds))
        };
        QUOTAS.iter().map(of).collect()
    }

    /// The report as two tables in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let (outcome, scale, memory) = (&self.outcome, &self.scale, &self.memory);
        let failed = outcome.outcomes.ended() - outcome.outcomes.succeeded();
        let rows = [
            ("secrets, all due at once", self.secrets.to_string()),
            ("quotas", format!("those of AWS x {:.2}", scale.factor)),
            ("rotations in progress", format!("at most {}", scale.at_once)),
            ("rotations that succeeded", outcome.outcomes.succeeded().to_string()),
            ("rotations that failed", failed.to_string()),
            ("failure notices", by_kind(&outcome.failures)),
            ("time to the last", format!("{} s", outcome.rotated.as_secs())),
            (
                "rotations a second",
                format!(
                    "{:.2} (the quotas allow {:.2})",
                    self.rotations_a_second(),
                    scale.rotations_a_second()
                ),
            ),
            ("longest step", format!("{:.1} s", outcome.longest_step.as_secs_f64())),
            (
                "deliveries",
                outcome.delivered.map_or_else(
                    || "none: no cluster".to_owned(),
                    |count| format!("{count}, the last after {} s", outcome.time.as_secs()),
                ),
            ),
            ("incidents opened", by_kind(&outcome.incidents)),
            (
                "peak memory of rotation-mq",
                format!(
                    "{}.{} MB, {} processes at once",
                    memory.peak_kb / 1_000,
                    memory.peak_kb % 1_000 / 100,
                    memory.processes
                ),
            ),
            (
                "busy cores",
                format!(
                    "{:.1} of {}, {:.1} of them by the AWS emulator",
                    self.load.machine, self.load.all, self.load.emulator
                ),
            ),
            ("bottleneck", bottleneck(&self.used(), self.load)),
        ];
        let mut text = String::from("| storm | |\n|---|---|\n");
        // Writing to a text cannot fail.
        for (name, value) in rows {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        text.push_str("\n| calls | served | refused |\n|---|---|---|\n");
        for (operation, calls) in &self.calls {
            let _ = writeln!(text, "| {operation} | {} | {} |", calls.served, calls.refused);
        }
        text
    }
}

fn by_kind(counts: &BTreeMap<String, usize>) -> String {
    let kinds: Vec<_> = counts.iter().map(|(kind, count)| format!("{count} `{kind}`")).collect();
    if kinds.is_empty() { "0".to_owned() } else { kinds.join(", ") }
}

/// What kept the storm from a higher rate: a quota of which most was used, or a part of this machine.
fn bottleneck(used: &[(&'static str, f64)], load: Cores) -> String {
    let most = used.iter().max_by(|(_, one), (_, other)| one.total_cmp(other));
    match most.filter(|(_, part)| *part >= REACHED) {
        Some((quota, part)) => format!("the quota of {quota}: {:.0} % of it was used", part * 100.0),
        None if load.machine >= BUSY * load.all as f64 => "the CPU of this machine".to_owned(),
        None if load.emulator >= BUSY => "the AWS emulator, which runs on one core".to_owned(),
        None => "the pauses before a refused call is repeated".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_below_what_the_emulator_serves_and_never_above_aws() {
        let scale = Scale::of(5.0, 1_000);
        assert!((scale.factor - 0.08).abs() < 1e-9, "{scale:?}");
        assert_eq!(scale.at_once, 40);
        assert!(scale.rotations_a_second() < 5.0);
        assert!((Scale::of(1_000.0, 1_000).factor - 1.0).abs() < 1e-9);
        assert_eq!(Scale::of(5.0, 10).at_once, FEWEST_AT_ONCE);
        assert!((Scale::of(0.0, 10).factor - 0.01).abs() < 1e-9);
    }

    #[test]
    fn the_bottleneck_is_the_quota_of_which_most_was_used() {
        let load = |machine, emulator| Cores { machine, emulator, all: 2 };
        for (tags, load, expected) in [
            (0.95, load(2.0, 1.0), "the quota of TagResource: 95 %"),
            (0.5, load(1.9, 0.8), "the CPU"),
            (0.5, load(1.5, 0.95), "the AWS emulator"),
            (0.5, load(0.5, 0.2), "the pauses"),
        ] {
            let found = bottleneck(&[("RotateSecret", 0.4), ("TagResource", tags)], load);
            assert!(found.starts_with(expected), "{found}, not {expected}");
        }
    }
}

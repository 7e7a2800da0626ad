//! The machine and the commit of a run.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use testbed::cloud::workspace;

use crate::clock;
use crate::figures::Machine;
use crate::share::Shares;
use crate::storm::load::busy_ticks;

/// The digits of a commit that name it.
const DIGITS: usize = 12;
/// How long to look at the machine before a run.
const LOOK: Duration = Duration::from_secs(3);

/// Where figures are measured now. `shares` is the place for control groups, or the reason why there is none.
/// `busy_percent` was measured before the run.
#[must_use]
pub fn machine(shares: Result<&Shares, String>, busy_percent: u32, rabbitmq: &str, command: &str) -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    Machine {
        cpu: cpu_in(&read("/proc/cpuinfo")),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        share: shares.map(Shares::description),
        rabbitmq: rabbitmq.to_owned(),
        busy_percent,
        date: clock::today(),
        commit: commit(),
        command: command.to_owned(),
    }
}

/// The CPU time that all programs use at present, in percent of one core. Before a run, these are other programs.
///
/// # Errors
/// When the system does not report it.
pub async fn busy_percent() -> Result<u32> {
    let ticks = || {
        let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
        busy_ticks(&stat).context("/proc/stat has no line of all cores")
    };
    let (before, began) = (ticks()?, Instant::now());
    tokio::time::sleep(LOOK).await;
    percent(ticks()?.saturating_sub(before), began.elapsed())
}

/// A tick is a hundredth of a second, so the ticks of a second are percent.
fn percent(ticks: u64, time: Duration) -> Result<u32> {
    Ok(u32::try_from(u128::from(ticks) * 1_000 / time.as_millis().max(1))?)
}

/// x86 has a line `model name`. Arm has only numbers there.
fn cpu_in(cpuinfo: &str) -> String {
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.trim().to_owned())
}

/// The commit, and whether there are changes beside it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let answer = Command::new("git").arg("-C").arg(workspace()).args(arguments).output().ok()?;
        answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
    };
    let head = git(&["rev-parse", "--verify", "HEAD"]);
    named(head.as_deref(), git(&["status", "--porcelain"]).as_deref())
}

fn named(head: Option<&str>, status: Option<&str>) -> String {
    let head = head.map_or("unknown", str::trim);
    let head = head.get(..DIGITS).unwrap_or(head);
    match status {
        Some(status) if status.trim().is_empty() => head.to_owned(),
        Some(_) => format!("{head} with changes"),
        None => head.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_is_always_busy_has_100_percent() {
        assert_eq!(percent(300, Duration::from_secs(3)).unwrap(), 100);
        assert_eq!(percent(0, Duration::ZERO).unwrap(), 0);
    }

    #[test]
    fn a_commit_is_named_with_what_is_not_in_it() {
        assert_eq!(named(Some("0123456789abcdef\n"), Some("")), "0123456789ab");
        assert_eq!(named(Some("0123456789abcdef\n"), Some(" M a\n")), "0123456789ab with changes");
        assert_eq!(named(None, None), "unknown");
    }

    #[test]
    fn a_cpu_without_a_model_is_its_architecture() {
        assert_eq!(cpu_in("processor\t: 0\nmodel name\t: Example CPU @ 2 GHz\n"), "Example CPU @ 2 GHz");
        assert_eq!(cpu_in("processor\t: 0\n"), std::env::consts::ARCH);
    }
}

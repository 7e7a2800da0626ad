//! The CPU time and the memory of a process.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::time::ClockId;
use nix::unistd::Pid;

/// The CPU time of all threads of a process since it began, ended threads included. `/proc/ID/stat` has hundredths of a
/// second, which is too coarse for one invocation.
///
/// # Errors
/// When there is no such process.
pub fn cpu_time(id: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(id)?));
    let time = clock.and_then(ClockId::now).with_context(|| format!("process {id} has no CPU time"))?;
    Ok(time.into())
}

/// The peak resident memory, shared pages included, in kilobytes of 1,000 bytes.
///
/// # Errors
/// When there is no such process.
pub fn peak_kb(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"));
    let status = status.with_context(|| format!("process {id} has no status"))?;
    peak_kb_in(&status).with_context(|| format!("process {id} has no peak memory"))
}

/// `VmHWM` is in kilobytes of 1,024 bytes, `proc_pid_status(5)`.
pub(crate) fn peak_kb_in(status: &str) -> Option<u64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = kibibytes.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024 / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_cpu_time_and_memory() {
        let own = std::process::id();
        let before = cpu_time(own).unwrap();
        let sum = (0..1_000_000_u64).fold(0_u64, |sum, number| sum.wrapping_mul(31) ^ number);
        assert!(cpu_time(own).unwrap() > before, "{sum}");
        assert!(peak_kb(own).unwrap() > 1_000);
        assert!(cpu_time(u32::MAX).is_err() && peak_kb(u32::MAX).is_err());
    }

    #[test]
    fn the_peak_is_in_thousands_of_bytes() {
        assert_eq!(peak_kb_in("VmPeak:\t 9 kB\nVmHWM:\t   11000 kB\n"), Some(11_264));
        assert_eq!(peak_kb_in("Name: x\n"), None);
    }
}

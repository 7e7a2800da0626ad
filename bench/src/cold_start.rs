//! Cold starts: the time from the start of a process to its first poll for an event, as in Lambda's init phase, on whole
//! cores.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::environment::{Environment, Size};
use crate::program::Program;
use crate::share::WHOLE_CORE_MB;
use crate::spread::Spread;

/// Starts the programs in turn, so that other load on the machine affects all of them. The first turn only fills the file
/// cache.
///
/// # Errors
/// When a program does not start, or does not ask for an event.
pub async fn cold_starts(programs: &[Program], count: usize) -> Result<BTreeMap<String, Spread>> {
    let mut times: BTreeMap<String, Vec<_>> = BTreeMap::new();
    let size = Size { memory_mb: WHOLE_CORE_MB, shares: None };
    for turn in 0..=count {
        for program in programs {
            let (_, init) = Environment::start(program, size).await?;
            if turn > 0 {
                times.entry(program.name.clone()).or_default().push(init);
            }
        }
    }
    Ok(times.into_iter().map(|(name, times)| (name, Spread::of(&times))).collect())
}

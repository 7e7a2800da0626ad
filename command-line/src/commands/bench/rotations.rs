//! Measures rotations with the deployed release build: the time of each step and the peak memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use testbed::cloud::Cloud;

use super::{Spread, peak_kb};
use crate::commands::report::{duration, say};
use crate::commands::step_times;

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// The times and the memory of the rotations.
#[derive(Debug)]
pub struct Rotations {
    steps: Vec<(&'static str, Spread)>,
    whole: Spread,
    count: usize,
    /// `VmHWM` of the function's process after all rotations: its peak resident memory, shared pages included.
    pub peak_kb: u64,
}

impl Rotations {
    /// Rotates one secret once to create the second user, then `count` times.
    ///
    /// # Errors
    /// When a rotation fails, or the function's process is not found.
    pub async fn measure(cloud: &Cloud, count: usize) -> Result<Self> {
        let app = cloud.create_app("bench").await?;
        cloud.rotate_successfully(&app.arn).await?;
        let mut whole = Vec::new();
        let mark = step_times::mark(cloud)?;
        for _ in 0..count {
            let began = Instant::now();
            cloud.rotate_successfully(&app.arn).await?;
            whole.push(began.elapsed());
        }
        let times = step_times::since(cloud, mark, &app.arn, count * STEPS.len()).await?;
        let of = |step: &str| -> Vec<Duration> {
            times.iter().filter(|(name, _)| name == step).map(|(_, time)| *time).collect()
        };
        let steps = STEPS.map(|step| (step, Spread::of(of(step)))).to_vec();
        let peak_kb = peak_kb(cloud, cloud.stack.output("RotationFunctionName")?)
            .context("the function's process was not found")?;
        Ok(Self { steps, whole: Spread::of(whole), count, peak_kb })
    }

    /// Prints a table of the steps.
    pub fn print(&self) {
        say(&format!("{:26} {:>18}  fastest and slowest of {}", "time of a step, median", "", self.count));
        for (step, spread) in &self.steps {
            let range = format!("{} - {}", duration(spread.fastest), duration(spread.slowest));
            say(&format!("  {step:24} {:>18}  {range}", duration(spread.median)));
        }
        let range = format!("{} - {}", duration(self.whole.fastest), duration(self.whole.slowest));
        say(&format!("  {:24} {:>18}  {range}\n", "RotateSecret to the end", duration(self.whole.median)));
    }
}

//! The deployed release function at work: the time of each step, and its peak memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use testbed::cloud::Cloud;

use super::{Spread, peak_kb};
use crate::commands::report::{duration, say};
use crate::commands::step_times;

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// What the rotations took.
#[derive(Debug)]
pub struct Rotations {
    steps: Vec<(&'static str, Spread)>,
    whole: Spread,
    count: usize,
    /// `VmHWM` of the function's process after all rotations: its peak resident memory, shared pages included.
    pub peak_kb: u64,
}

impl Rotations {
    /// Rotates one secret `count` times, after a first rotation that creates the second user.
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
            .context("the function's process is not to be found")?;
        Ok(Self { steps, whole: Spread::of(whole), count, peak_kb })
    }

    /// A table of the steps.
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

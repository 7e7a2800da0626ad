//! Rotations by rotation-mq and by the Python function, in turn, with each memory size.
//!
//! The emulator starts each rotation and runs no step. The steps run in processes of this program, so that each invocation
//! gets exactly its share of a core.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use testbed::cloud::{App, Cloud};

use crate::environment::{Environment, Size};
use crate::figures::Rotations;
use crate::plan::Plan;
use crate::price::billed_ms;
use crate::program::Program;
use crate::spread::Spread;

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// One rotation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct One {
    steps: [Duration; 4],
    /// The part of each invocation that Lambda bills.
    ended: [Duration; 4],
    cpu: Duration,
}

/// The rotations of one program with one memory size.
struct Series<'a> {
    program: &'a Program,
    size: Size<'a>,
    /// The secrets for warm and for first rotations. Each is rotated once a turn, because the broker may list the connections
    /// of a rotation for a while, and setSecret asks for details of a connection that is listed.
    apps: [App; 2],
    /// The process of the warm rotations.
    environment: Environment,
    warm: Vec<One>,
    first: Vec<First>,
}

/// The first rotation of a process.
struct First {
    start: Duration,
    rotation: One,
    cpu: Duration,
}

/// Rotates with each program and each memory size, in a warm process and in a new one, as often as planned. Calls `tell`
/// with the progress.
///
/// # Errors
/// When a program does not start, or a rotation fails.
pub async fn measure(
    cloud: &Cloud,
    programs: &[Program],
    plan: &Plan<'_>,
    tell: fn(&str),
) -> Result<Vec<Rotations>> {
    let mut all = Vec::new();
    for size in plan.sizes() {
        for program in programs {
            let (mut environment, _) = Environment::start(program, size).await?;
            let name = format!("bench-{}-{}", program.name.to_lowercase(), size.memory_mb);
            let apps = [
                cloud.create_app(&format!("{name}-warm")).await?,
                cloud.create_app(&format!("{name}-first")).await?,
            ];
            for app in &apps {
                // Creates the second user.
                rotate(cloud, app, &mut environment).await?;
            }
            all.push(Series { program, size, apps, environment, warm: Vec::new(), first: Vec::new() });
        }
    }
    // The first turn makes every process warm and every user old.
    for series in &mut all {
        series.take_turn(cloud).await?;
        series.forget();
    }
    // Each turn measures every series once, so that other load on the machine affects all of them.
    for turn in 1..=plan.rotations {
        for series in &mut all {
            series.take_turn(cloud).await?;
        }
        tell(&format!("  rotations of each kind: {turn} of {}", plan.rotations));
    }
    all.iter().map(Series::figures).collect()
}

impl Series<'_> {
    async fn take_turn(&mut self, cloud: &Cloud) -> Result<()> {
        let [for_warm, for_first] = &self.apps;
        self.warm.push(rotate(cloud, for_warm, &mut self.environment).await?.1);
        let (mut environment, start) = Environment::start(self.program, self.size).await?;
        let (_, rotation) = rotate(cloud, for_first, &mut environment).await?;
        self.first.push(First { start, rotation, cpu: environment.cpu()? });
        Ok(())
    }

    fn forget(&mut self) {
        self.warm.clear();
        self.first.clear();
    }

    fn figures(&self) -> Result<Rotations> {
        let warm = |value: fn(&One) -> Duration| Spread::of(&self.warm.iter().map(value).collect::<Vec<_>>());
        let first =
            |value: fn(&First) -> Duration| Spread::of(&self.first.iter().map(value).collect::<Vec<_>>());
        let step = |index: usize| {
            let times: Vec<_> = self.warm.iter().filter_map(|one| one.steps.get(index).copied()).collect();
            Spread::of(&times)
        };
        Ok(Rotations {
            program: self.program.name.clone(),
            memory_mb: self.size.memory_mb,
            warm: warm(One::time),
            steps: [step(0), step(1), step(2), step(3)],
            warm_cpu: warm(|one| one.cpu),
            warm_billed_ms: median(self.warm.iter().map(|one| one.billed_ms(Duration::ZERO)).collect()),
            first: first(|first| first.start + first.rotation.time()),
            start: first(|first| first.start),
            first_cpu: first(|first| first.cpu),
            first_billed_ms: median(
                self.first.iter().map(|first| first.rotation.billed_ms(first.start)).collect(),
            ),
            peak_kb: self.environment.peak_kb()?,
        })
    }
}

impl One {
    fn time(&self) -> Duration {
        self.steps.iter().sum()
    }

    /// Lambda rounds each invocation up. `init` is the init phase, which belongs to the first one.
    fn billed_ms(&self, init: Duration) -> u64 {
        let inits = [init, Duration::ZERO, Duration::ZERO, Duration::ZERO];
        self.ended.iter().zip(inits).map(|(ended, init)| billed_ms(*ended + init)).sum()
    }
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    let rank = numbers.len().div_ceil(2).max(1);
    numbers.get(rank - 1).copied().unwrap_or_default()
}

/// Starts a rotation in the emulator, and runs its steps in the environment. Returns the new version, too.
pub(crate) async fn rotate(cloud: &Cloud, app: &App, environment: &mut Environment) -> Result<(String, One)> {
    let version = cloud.begin_rotation(&app.arn).await?;
    let mut one = One::default();
    for (index, step) in STEPS.into_iter().enumerate() {
        let event = json!({"Step": step, "SecretId": app.arn, "ClientRequestToken": version});
        let invocation = environment.invoke(&event).await.with_context(|| step.to_owned())?;
        one.steps[index] = invocation.time;
        one.ended[index] = invocation.ended;
        one.cpu += invocation.cpu;
    }
    Ok((version, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_init_phase_is_billed_with_the_first_invocation() {
        let one = One { ended: [Duration::from_micros(1_200); 4], ..One::default() };
        assert_eq!(one.billed_ms(Duration::ZERO), 8);
        // 1.2 ms and 0.8 ms are two whole milliseconds.
        assert_eq!(one.billed_ms(Duration::from_micros(800)), 8);
        assert_eq!(one.billed_ms(Duration::from_micros(900)), 9);
    }

    #[test]
    fn a_median_is_one_of_the_numbers() {
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(median(Vec::new()), 0);
    }
}

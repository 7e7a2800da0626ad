//! An execution environment: one process of a function, as Lambda runs it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
//!
//! The init phase runs on whole cores. It ends with the first poll for an event. Then the process gets its share.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process;
use crate::program::Program;
use crate::runtime_api::RuntimeApi;
use crate::share::{Group, Shares};

/// Lambda's limit of the init phase.
const INIT_LIMIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);
/// The lines of the log that an error shows.
const TAIL: usize = 20;

/// A running process. It ends when dropped.
#[derive(Debug)]
pub struct Environment {
    // In the order in which they end: the group must be empty before it is removed.
    process: Owned,
    _group: Option<Group>,
    api: RuntimeApi,
    program: Program,
}

/// A process that is killed when dropped.
#[derive(Debug)]
struct Owned(Child);

/// The memory of a function, and the place for its control group. Without a place, it has whole cores.
#[derive(Debug, Clone, Copy)]
pub struct Size<'a> {
    /// The memory in MB.
    pub memory_mb: u32,
    /// The place for control groups.
    pub shares: Option<&'a Shares>,
}

/// One invocation.
#[derive(Debug)]
pub struct Invocation {
    /// From the event to the answer.
    pub time: Duration,
    /// From the event to the next poll.
    pub ended: Duration,
    /// The CPU time of the process from the event to the next poll.
    pub cpu: Duration,
    /// The answer.
    pub answer: Value,
}

impl Environment {
    /// Starts the program, and waits for the end of its init phase. Returns the time of this phase, too.
    ///
    /// # Errors
    /// When the program does not start, or gets no share. The message contains the end of its log.
    pub async fn start(program: &Program, size: Size<'_>) -> Result<(Self, Duration)> {
        let deployed = program.deployed();
        let mut api = RuntimeApi::start(&deployed.arn, deployed.timeout).await?;
        let group = size.shares.map(|shares| shares.group(size.memory_mb)).transpose()?;
        let mut command = program.command(size.memory_mb, api.address())?;
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", program.name))?;
        let mut process = Owned(child);
        let polled = alive(&mut process, tokio::time::timeout(INIT_LIMIT, api.first_poll())).await;
        let polled = polled.and_then(|in_time| {
            in_time.with_context(|| format!("it has not asked for an event within {INIT_LIMIT:?}"))?
        });
        let init = polled.with_context(|| told_by(program))?.duration_since(began);
        if let Some(group) = &group {
            group.admit(process.0.id())?;
        }
        Ok((Self { process, _group: group, api, program: program.clone() }, init))
    }

    /// Invokes the function.
    ///
    /// # Errors
    /// When it fails or ends. The message contains the end of its log.
    pub async fn invoke(&mut self, event: &Value) -> Result<Invocation> {
        let before = self.cpu()?;
        let exchange = alive(&mut self.process, self.api.invoke(event)).await;
        let exchange = exchange.and_then(|exchange| exchange).with_context(|| told_by(&self.program))?;
        let cpu = self.cpu()?.saturating_sub(before);
        Ok(Invocation { time: exchange.answered, ended: exchange.ended, cpu, answer: exchange.answer })
    }

    /// The CPU time of the process up to now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(&self) -> Result<Duration> {
        process::cpu_time(self.process.0.id())
    }

    /// The peak memory of the process up to now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn peak_kb(&self) -> Result<u64> {
        process::peak_kb(self.process.0.id())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for `work` while the process runs.
async fn alive<T>(process: &mut Owned, work: impl Future<Output = T>) -> Result<T> {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(LOOK, &mut work).await {
            return Ok(done);
        }
        if let Some(status) = process.0.try_wait()? {
            bail!("it has ended with {status}");
        }
    }
}

/// The name of the program, and the end of its log.
fn told_by(program: &Program) -> String {
    let text = std::fs::read(&program.log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n");
    format!("{} did not do what was asked; its log ends:\n{tail}\n", program.name)
}

//! A rotation storm: many secrets that are due at the same time, under the request quotas of an AWS account.
//!
//! On AWS, `RotateSecret` starts 50 rotations a second, and 25 end: each calls `PutSecretValue` and
//! `UpdateSecretVersionStage`, which share 50 calls a second. At most half of the rotations are in progress at once.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
//!
//! The emulator serves fewer calls. So one factor multiplies the quotas and the number of rotations in progress. A call
//! then waits as long for its turn as on AWS.

pub(crate) mod load;
mod report;
mod secrets;
mod starter;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use testbed::cloud::{Cloud, kill_function};

use self::load::{Load, Memory};
pub use self::report::Storm;
use self::report::{Outcome, Scale};
use self::secrets::Secrets;
use self::starter::Starter;

/// Two calls of each rotation share a quota of 50 calls a second.
const ROTATIONS_A_SECOND: f64 = 25.0;
const STARTS_A_SECOND: f64 = 50.0;
/// Rotations without quotas, which show what the emulator serves.
const TRIALS: usize = 32;
const TRIALS_AT_ONCE: usize = 8;
/// The part of it that the quotas allow, so that the quotas are the bottleneck. With 1,000 secrets in a cluster, the emulator
/// serves half of what it serves with 32.
const PART: f64 = 0.4;
/// The fewest rotations in progress, for a storm of few secrets.
const FEWEST_AT_ONCE: usize = 4;
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The template's value. The testbed's is shorter, for tests that stop the operator.
pub(crate) const SYNC_TIMEOUT_SECONDS: &str = "60";
const DELIVERY_LIMIT: Duration = Duration::from_secs(300);
/// Longer than the visibility timeout of dlq-handler's queues, six minutes. After it, a message that failed comes again.
const INCIDENT_LIMIT: Duration = Duration::from_secs(600);

impl Storm {
    /// Creates `secrets` secrets with their broker users, and rotates all of them under the quotas. If the cloud has a
    /// cluster, each secret is delivered to it. Each rotation is the first of its pair, so the function also creates the
    /// second user. Calls `tell` with the progress.
    ///
    /// A rotation that fails is counted. It is not an error.
    ///
    /// # Errors
    /// When something cannot be created, or the storm does not end within four times its time by the quotas.
    pub async fn measure(cloud: &Cloud, secrets: usize, tell: fn(&str)) -> Result<Self> {
        if let Ok(function) = cloud.delivery_function() {
            cloud.add_variables(function, &[("SYNC_TIMEOUT_SECONDS", SYNC_TIMEOUT_SECONDS)]).await?;
        }
        tell(&format!("  creating {secrets} secrets and their users"));
        let trial = Secrets::create(cloud, "trial", TRIALS, tell).await?;
        let storm = Secrets::create(cloud, "storm", secrets, tell).await?;

        tell(&format!("  {TRIALS} rotations without quotas, to see what the emulator serves"));
        let capacity = capacity(cloud, &trial).await?;
        let scale = Scale::of(capacity, secrets);
        // On AWS, a storm finds few warm execution environments.
        let function = cloud.stack.output("RotationFunctionName")?;
        kill_function(cloud.aws.endpoint(), function);

        tell(&format!("  quotas of AWS x {:.2}, at most {} in progress", scale.factor, scale.at_once));
        cloud.aws.set_rate_limits(Some(scale.factor)).await?;
        let (load, mut memory) = (Load::now(cloud)?, Memory::of(cloud, function));
        let began = Instant::now();
        let limit = scale.limit();
        let mut starter = Starter::new(cloud, &storm, scale.starts_a_second(), scale.at_once).await?;
        let mut told = Instant::now();
        let mut outcomes = starter.go_on().await?;
        while outcomes.ended() < secrets {
            ensure!(began.elapsed() < limit, "the storm has not ended after {limit:?}: {outcomes:?}");
            if told.elapsed() > TELL_EVERY {
                told = Instant::now();
                memory.look();
                tell(&progress(&outcomes, starter.waiting(), began.elapsed()));
            }
            outcomes = starter.go_on().await?;
        }
        let rotated = began.elapsed();
        memory.look();
        let load = Load::now(cloud)?.since(&load);
        deliveries_end(cloud).await?;
        let time = began.elapsed();
        let calls = cloud.aws.calls().await?;
        cloud.aws.set_rate_limits(None).await?;

        let delivered = storm.delivered(cloud).await?;
        incidents_are_reported(cloud, INCIDENT_LIMIT).await?;
        let (incidents, failures) = (storm.incidents(cloud).await?, storm.failures(cloud).await?);
        let longest_step = longest_step(&cloud.aws.function_log(function)?, &storm);
        let outcome = Outcome { outcomes, rotated, time, longest_step, delivered, incidents, failures };
        Ok(Self { secrets, scale, outcome, calls, load, memory })
    }
}

/// The rotations a second, with their deliveries, that the emulator serves without quotas.
async fn capacity(cloud: &Cloud, trial: &Secrets) -> Result<f64> {
    let mut starter = Starter::new(cloud, trial, f64::INFINITY, TRIALS_AT_ONCE).await?;
    // The first ones start processes. They do not count.
    let (began, uncounted) = loop {
        let outcomes = starter.go_on().await?;
        if outcomes.ended() >= TRIALS_AT_ONCE {
            break (Instant::now(), outcomes.ended());
        }
    };
    loop {
        let outcomes = starter.go_on().await?;
        ensure!(
            began.elapsed() < DELIVERY_LIMIT,
            "the rotations without quotas have not ended: {outcomes:?}"
        );
        if outcomes.ended() >= TRIALS {
            let failed = outcomes.ended() - outcomes.succeeded();
            ensure!(failed == 0, "{failed} rotations without quotas failed: {:?}", outcomes.unsuccessful);
            deliveries_end(cloud).await?;
            let counted = u32::try_from(TRIALS - uncounted)?;
            return Ok(f64::from(counted) / began.elapsed().as_secs_f64());
        }
    }
}

async fn deliveries_end(cloud: &Cloud) -> Result<()> {
    match cloud.delivery_function() {
        Ok(function) => cloud.aws.wait_for_events(function, DELIVERY_LIMIT).await,
        Err(_) => Ok(()),
    }
}

/// Waits until dlq-handler has handled every message.
pub(crate) async fn incidents_are_reported(cloud: &Cloud, limit: Duration) -> Result<()> {
    let queues = ["DeadLetterQueueUrl", "RuleQueueUrl", "OwnQueueUrl", "DeliveryQueueUrl"];
    let queues: Vec<_> = queues.into_iter().filter_map(|name| cloud.stack.output(name).ok()).collect();
    let handler = cloud.stack.output("HandlerFunctionName")?;
    let quiet = cloud.aws.becomes_quiet(handler, &queues, limit).await?;
    ensure!(quiet, "dlq-handler still has messages after {limit:?}");
    Ok(())
}

/// The longest time of a step of these secrets that succeeded, as the function measures and logs it.
fn longest_step(log: &[String], secrets: &Secrets) -> Duration {
    let own: BTreeSet<&str> = secrets.arns.iter().map(String::as_str).collect();
    let time = |line: &String| -> Option<u64> {
        let line: Value = serde_json::from_str(line).ok()?;
        let is_own = line["message"] == "done" && own.contains(line["secret.arn"].as_str()?);
        line["duration_ms"].as_u64().filter(|_| is_own)
    };
    Duration::from_millis(log.iter().filter_map(time).max().unwrap_or_default())
}

fn progress(outcomes: &testbed::aws::Outcomes, waiting: usize, elapsed: Duration) -> String {
    let (ended, running, failed) =
        (outcomes.ended(), outcomes.running(), outcomes.ended() - outcomes.succeeded());
    let rate = ended as f64 / elapsed.as_secs_f64();
    format!(
        "  {:>4} s: {ended} ended, {failed} of them failed, {running} in progress, {waiting} to start, {rate:.1} a second",
        elapsed.as_secs()
    )
}

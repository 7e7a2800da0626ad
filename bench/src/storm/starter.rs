//! Starts the rotations of a storm, as a person's script does in an incident: `RotateSecret` at its quota, and again if
//! Secrets Manager refuses it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_sdk_secretsmanager::types::RotationRulesType;
use futures_util::future::try_join_all;
use testbed::aws::Outcomes;
use testbed::cloud::Cloud;

use super::secrets::Secrets;

/// How often the outcomes are read.
const LOOK: Duration = Duration::from_millis(200);

/// The secrets that wait for their rotation.
pub struct Starter<'a> {
    cloud: &'a Cloud,
    client: Client,
    function: &'a str,
    prefix: String,
    waiting: VecDeque<&'a str>,
    a_second: f64,
    at_once: usize,
    began: Instant,
    called: usize,
}

impl<'a> Starter<'a> {
    /// Starts `a_second` rotations a second, but no more than `at_once` are in progress.
    pub async fn new(cloud: &'a Cloud, secrets: &'a Secrets, a_second: f64, at_once: usize) -> Result<Self> {
        // A call that is refused is repeated here, at its time. The SDK's pauses are longer.
        let config = Builder::from(&cloud.aws.sdk_config().await).retry_config(RetryConfig::disabled());
        Ok(Self {
            cloud,
            client: Client::from_conf(config.build()),
            function: cloud.rotation_function()?,
            prefix: secrets.arn_prefix(cloud),
            waiting: secrets.arns.iter().map(String::as_str).collect(),
            a_second,
            at_once,
            began: Instant::now(),
            called: 0,
        })
    }

    /// The number of rotations that have not been started.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Starts the rotations that are due by now, all at once, and waits a moment. Returns the outcomes of before.
    #[expect(clippy::cast_possible_truncation, reason = "a small positive number; a larger one saturates")]
    pub async fn go_on(&mut self) -> Result<Outcomes> {
        let outcomes = self.cloud.aws.rotation_outcomes(&self.prefix).await?;
        let room = self.at_once.saturating_sub(outcomes.running());
        // The quota allows no more than the calls of one second at once.
        let room = room.min(self.a_second.ceil() as usize);
        let due = due(self.began.elapsed(), self.a_second, self.called);
        let next: Vec<_> = self.waiting.drain(..due.min(room).min(self.waiting.len())).collect();
        self.called += next.len();
        if due > room {
            // What cannot be started now is not made up for later, all at once.
            (self.began, self.called) = (Instant::now(), 0);
        }
        let started = try_join_all(next.iter().map(|secret| self.start(secret))).await?;
        let refused = next.into_iter().zip(started).filter(|(_, started)| !started).map(|(secret, _)| secret);
        self.waiting.extend(refused);
        tokio::time::sleep(LOOK).await;
        Ok(outcomes)
    }

    /// Whether the rotation was started. Otherwise, the call was above the quota.
    async fn start(&self, secret: &str) -> Result<bool> {
        let rules = RotationRulesType::builder().automatically_after_days(1).build();
        let rotate = self.client.rotate_secret().secret_id(secret).rotation_lambda_arn(self.function);
        match rotate.rotation_rules(rules).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ThrottlingException") => Ok(false),
            Err(error) => Err(error).with_context(|| format!("the rotation of {secret} was not started")),
        }
    }
}

/// How many calls are due after this time, apart from those that were `called` already.
#[expect(clippy::cast_possible_truncation, reason = "a small positive number; a larger one saturates")]
fn due(elapsed: Duration, a_second: f64, called: usize) -> usize {
    ((elapsed.as_secs_f64() * a_second) as usize).saturating_sub(called)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_due_at_their_rate() {
        for (ms, called, expected) in [(0, 0, 0), (90, 0, 0), (1_000, 0, 10), (1_000, 7, 3), (500, 7, 0)] {
            assert_eq!(due(Duration::from_millis(ms), 10.0, called), expected, "{ms} ms, {called}");
        }
        assert!(due(Duration::from_millis(1), f64::INFINITY, 5) > 1_000, "without a quota, all are due");
    }
}

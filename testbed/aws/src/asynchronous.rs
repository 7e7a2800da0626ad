//! Asynchronous events of functions.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Aws, control};

/// The additional time for an answer after the emulator's own wait.
const GRACE: Duration = Duration::from_secs(10);

impl Aws {
    /// The number of events of a function that have not ended. An event ends when it succeeds, or when its failure is
    /// reported after all retries.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn events_under_way(&self, function: &str) -> Result<u64> {
        self.events_left(function, Duration::ZERO).await
    }

    /// As [`Aws::events_under_way`], but the emulator first waits for their end.
    async fn events_left(&self, function: &str, wait: Duration) -> Result<u64> {
        let wait_ms = wait.as_millis().to_string();
        let query = [("function", function), ("wait_ms", wait_ms.as_str())];
        let url = format!("{}/_testbed/asynchronous", self.endpoint());
        let url = reqwest::Url::parse_with_params(&url, &query)?;
        let answer = control::answer(control::client()?.get(url).timeout(wait + GRACE)).await?;
        answer.get("underWay").and_then(Value::as_u64).context("the emulator returned no number")
    }

    /// Waits until the queues at `queue_urls` are empty, invisible messages included, and no event of the function is
    /// in progress. Returns whether that happened within `limit`.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn becomes_quiet(&self, function: &str, queue_urls: &[&str], limit: Duration) -> Result<bool> {
        let wait = limit.as_millis().to_string();
        let queues = queue_urls.join(",");
        let query = [("function", function), ("queues", queues.as_str()), ("wait_ms", wait.as_str())];
        let url = format!("{}/_testbed/quiet", self.endpoint());
        let url = reqwest::Url::parse_with_params(&url, &query)?;
        let answer = control::answer(control::client()?.get(url).timeout(limit + GRACE)).await?;
        answer.get("quiet").and_then(Value::as_bool).context("the emulator returned neither true nor false")
    }

    /// Waits until no event of a function is in progress.
    ///
    /// # Errors
    /// When an event is still in progress after `limit`.
    pub async fn wait_for_events(&self, function: &str, limit: Duration) -> Result<()> {
        let left = self.events_left(function, limit).await?;
        ensure!(left == 0, "events of {function} are still in progress after {limit:?}");
        Ok(())
    }
}

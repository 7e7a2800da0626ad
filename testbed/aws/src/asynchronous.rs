//! Events that functions are invoked with asynchronously.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Aws, control};

/// What an answer may take beyond the time that the emulator was asked to wait.
const GRACE: Duration = Duration::from_secs(10);

impl Aws {
    /// How many events of a function have not ended yet: neither done nor, after all retries, told to have failed.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn events_under_way(&self, function: &str) -> Result<u64> {
        self.events_left(function, Duration::ZERO).await
    }

    /// As [`Aws::events_under_way`], after the emulator has waited for their end.
    async fn events_left(&self, function: &str, wait: Duration) -> Result<u64> {
        let wait_ms = wait.as_millis().to_string();
        let query = [("function", function), ("wait_ms", wait_ms.as_str())];
        let url = format!("{}/_testbed/asynchronous", self.endpoint());
        let url = reqwest::Url::parse_with_params(&url, &query)?;
        let answer = control::answer(control::client()?.get(url).timeout(wait + GRACE)).await?;
        answer.get("underWay").and_then(Value::as_u64).context("the emulator named no number")
    }

    /// Waits until the queues at `queue_urls` are empty, messages that are away for now included, and no event of a function is
    /// under way; whether that came within `limit`.
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
        answer.get("quiet").and_then(Value::as_bool).context("the emulator said neither")
    }

    /// Waits until no event of a function is under way.
    ///
    /// # Errors
    /// When one is after `limit`.
    pub async fn wait_for_events(&self, function: &str, limit: Duration) -> Result<()> {
        let left = self.events_left(function, limit).await?;
        ensure!(left == 0, "events of {function} are still under way after {limit:?}");
        Ok(())
    }
}

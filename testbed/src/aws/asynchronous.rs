//! Events that functions are invoked with asynchronously.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Aws, control};

const LIMIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(30);

impl Aws {
    /// How many events of a function have not ended yet: neither done nor, after all retries, told to have failed.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn events_under_way(&self, function: &str) -> Result<u64> {
        let url = format!("{}/_testbed/asynchronous", self.endpoint());
        let url = reqwest::Url::parse_with_params(&url, &[("function", function)])?;
        let answer = control::answer(control::client(LIMIT)?.get(url)).await?;
        answer.get("underWay").and_then(Value::as_u64).context("the emulator named no number")
    }

    /// Waits until no event of a function is under way.
    ///
    /// # Errors
    /// When one is after `limit`.
    pub async fn wait_for_events(&self, function: &str, limit: Duration) -> Result<()> {
        let began = Instant::now();
        while self.events_under_way(function).await? > 0 {
            ensure!(began.elapsed() < limit, "events of {function} are still under way after {limit:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

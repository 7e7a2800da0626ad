//! rotation-watch among as many secrets as a large account has.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use testbed::cloud::{Cloud, tag};

use super::peak_kb;
use crate::commands::report::{complain, say};

const AT_ONCE: usize = 8;
const TELL_EVERY: usize = 1_000;
/// Lambda's longest.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
const LAMBDA_LIMIT: Duration = Duration::from_secs(900);

/// The times of two runs, and the peak memory.
#[derive(Debug)]
pub struct Watched {
    secrets: usize,
    first: Duration,
    second: Duration,
    peak_kb: u64,
}

impl Watched {
    /// Creates `secrets` secrets that are due, and runs the function twice. The second run knows their ages.
    ///
    /// # Errors
    /// When a run fails or does not check all secrets.
    pub async fn measure(cloud: &Cloud, secrets: usize) -> Result<Self> {
        futures_util::stream::iter(0..secrets)
            .map(|number| async move {
                let create = cloud.secrets.create_secret().name(format!("partner/bench-{number}"));
                let create = create.secret_string("a value that people replace");
                let owner = format!("owner-{}", number % 20);
                let tags = [("rotation-watch/max-age-days", "3"), ("rotation-watch/owner", owner.as_str())];
                let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
                create.set_tags(Some(tags)).send().await.context("no secret was created")?;
                if (number + 1).is_multiple_of(TELL_EVERY) {
                    complain(&format!("  {} secrets created", number + 1));
                }
                anyhow::Ok(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        let function = cloud.stack.output("WatchFunctionName")?;
        let mut times = [Duration::ZERO; 2];
        for (time, what) in times.iter_mut().zip(["first", "second"]) {
            complain(&format!("  the {what} run"));
            let began = Instant::now();
            let answer = cloud.invoke_function(function, &json!({})).await?.value()?;
            *time = began.elapsed();
            ensure!(
                answer["watched"].as_u64() >= u64::try_from(secrets).ok(),
                "some secrets were not checked: {answer}"
            );
        }
        let peak_kb = peak_kb(cloud, function).context("the function's process was not found")?;
        Ok(Self { secrets, first: times[0], second: times[1], peak_kb })
    }

    /// Prints the result below the table.
    pub fn print(&self) {
        let Self { secrets, first, second, peak_kb } = self;
        let (first, second) = (first.as_secs(), second.as_secs());
        say(&format!(
            "\nrotation-watch, {secrets} secrets: first run {first} s, second {second} s (Lambda's limit: {} s), peak {} MB",
            LAMBDA_LIMIT.as_secs(),
            peak_kb / 1_000
        ));
    }
}

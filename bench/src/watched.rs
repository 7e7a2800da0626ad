//! rotation-watch among as many secrets as a large account has.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use testbed::cloud::{Cloud, processes_of, tag};

use crate::process;

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
    /// Creates `secrets` secrets that are due, and runs the deployed function twice. The second run knows their ages.
    ///
    /// # Errors
    /// When a run fails or does not check all secrets.
    pub async fn measure(cloud: &Cloud, secrets: usize, tell: fn(&str)) -> Result<Self> {
        create(cloud, "many", secrets, tell).await?;
        let function = cloud.stack.output("WatchFunctionName")?;
        let mut times = [Duration::ZERO; 2];
        for (time, what) in times.iter_mut().zip(["first", "second"]) {
            tell(&format!("  the {what} run"));
            let began = Instant::now();
            let answer = cloud.invoke_function(function, &json!({})).await?.value()?;
            *time = began.elapsed();
            ensure!(
                answer["watched"].as_u64() >= u64::try_from(secrets).ok(),
                "some secrets were not checked: {answer}"
            );
        }
        let processes = processes_of(cloud.aws.endpoint(), function);
        let ids = processes.iter().filter_map(|process| process.file_name()?.to_str()?.parse().ok());
        let peak_kb = ids.filter_map(|id| process::peak_kb(id).ok()).max();
        let peak_kb = peak_kb.context("the function's process was not found")?;
        Ok(Self { secrets, first: times[0], second: times[1], peak_kb })
    }

    /// One line.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { secrets, first, second, peak_kb } = self;
        let (first, second) = (first.as_secs(), second.as_secs());
        format!(
            "rotation-watch, {secrets} secrets: first run {first} s, second {second} s (Lambda's limit: {} s), peak {} MB",
            LAMBDA_LIMIT.as_secs(),
            peak_kb / 1_000
        )
    }
}

/// Creates secrets that people rotate and that are due, for 20 owners. `group` is a part of their names.
pub(crate) async fn create(cloud: &Cloud, group: &str, count: usize, tell: fn(&str)) -> Result<()> {
    futures_util::stream::iter(0..count)
        .map(|number| async move {
            let create = cloud.secrets.create_secret().name(format!("partner/{group}-{number}"));
            let create = create.secret_string("a value that people replace");
            let owner = format!("owner-{}", number % 20);
            let tags = [("rotation-watch/max-age-days", "3"), ("rotation-watch/owner", owner.as_str())];
            let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
            create.set_tags(Some(tags)).send().await.context("no secret was created")?;
            if (number + 1).is_multiple_of(TELL_EVERY) {
                tell(&format!("  {} secrets created", number + 1));
            }
            anyhow::Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

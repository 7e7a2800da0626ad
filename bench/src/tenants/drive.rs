//! Makes one call for each secret, as fast as AWS's quotas and the functions in progress allow, and reports the progress.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;

use super::Run;

/// The most events of the function that have not ended. The emulator starts a process for each that is executed.
pub const IN_PROGRESS: usize = 32;
/// Progress is reported after this number of namespaces.
pub const STEP: usize = 25;
/// Below the 50 calls a second that AWS allows of each operation that the bench calls itself.
const A_SECOND: f64 = 45.0;
/// The calls that may be made at once after a pause.
const BURST: f64 = 16.0;
const LOOK: Duration = Duration::from_millis(100);
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Two a second, after a start.
const FOR_EACH: Duration = Duration::from_millis(500);
const FOR_ALL: Duration = Duration::from_mins(2);

/// The longest time of a phase with this number of secrets.
pub fn limit(count: usize) -> Duration {
    FOR_ALL + FOR_EACH * u32::try_from(count).unwrap_or(u32::MAX)
}

/// Makes the calls. Returns the time until the last event that followed them has ended.
pub async fn all(run: &Run<'_>, what: &str, call: impl AsyncFn(usize) -> Result<()>) -> Result<Duration> {
    let (count, aws) = (run.shape.secrets, &run.cloud.aws);
    let (began, limit) = (Instant::now(), limit(count));
    let (mut told, mut looked, mut allowance, mut started) = (began, began, BURST, 0);
    loop {
        let under_way = usize::try_from(aws.events_under_way(run.function).await?)?;
        if started == count && under_way == 0 {
            return Ok(began.elapsed());
        }
        ensure!(
            began.elapsed() < limit,
            "{started} of {count} calls after {limit:?}, {under_way} in progress"
        );
        allowance = (allowance + looked.elapsed().as_secs_f64() * A_SECOND).min(BURST);
        looked = Instant::now();
        let next = started + now(allowance, under_way, count - started);
        allowance -= (next - started) as f64;
        try_join_all((started..next).map(|number| call(number))).await?;
        started = next;
        if told.elapsed() > TELL_EVERY {
            told = Instant::now();
            // Some secrets have two events one after the other.
            let done = started.saturating_sub(under_way);
            (run.tell)(&progress(what, done, count, began.elapsed()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many calls to make now.
#[expect(clippy::cast_possible_truncation, reason = "a small positive number; a larger one saturates")]
fn now(allowance: f64, under_way: usize, left: usize) -> usize {
    (allowance.max(0.0) as usize).min(IN_PROGRESS.saturating_sub(under_way)).min(left)
}

/// Waits for `work`, and reports how long it may still take.
pub async fn patiently<T>(
    what: &str,
    limit: Duration,
    tell: fn(&str),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let began = Instant::now();
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(TELL_EVERY, &mut work).await {
            return done;
        }
        let elapsed = began.elapsed();
        ensure!(elapsed < limit, "{what}: not done after {limit:?}");
        tell(&format!(
            "  {:>4} s: {what}, at most {} s more",
            elapsed.as_secs(),
            (limit - elapsed).as_secs()
        ));
    }
}

/// A line with the rate and the time that is left.
pub fn progress(what: &str, done: usize, count: usize, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let left = count.saturating_sub(done) as f64 / rate;
    let left = if left.is_finite() { format!("{left:.0} s left") } else { "time left unknown".to_owned() };
    format!("  {:>4} s: {what}: {done} of {count}, {rate:.1} a second, {left}", elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_wait_for_the_quota_and_for_the_events_in_progress() {
        for (allowance, under_way, left, expected) in [
            (16.0, 0, 100, 16),
            (16.0, 0, 3, 3),
            (4.5, 0, 100, 4),
            (16.0, IN_PROGRESS - 2, 100, 2),
            (16.0, IN_PROGRESS + 5, 100, 0),
            (-0.5, 0, 100, 0),
        ] {
            assert_eq!(now(allowance, under_way, left), expected, "{allowance} {under_way} {left}");
        }
    }

    #[test]
    fn progress_has_a_rate_and_the_time_that_is_left() {
        let line = progress("changed", 100, 400, Duration::from_secs(10));
        assert_eq!(line, "    10 s: changed: 100 of 400, 10.0 a second, 30 s left");
        let line = progress("changed", 0, 400, Duration::ZERO);
        assert!(line.ends_with("0.0 a second, time left unknown"), "{line}");
    }

    #[test]
    fn a_larger_phase_has_more_time() {
        assert_eq!(limit(0), FOR_ALL);
        assert_eq!(limit(10_000), Duration::from_secs(5_120));
    }
}

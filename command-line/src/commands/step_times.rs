//! The time of each step of a rotation, as the function measures and logs it.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use testbed::cloud::{Cloud, STACK};

/// One thread of the emulator answers, and another thread writes the log later.
const LOG_LIMIT: Duration = Duration::from_secs(3);

/// A completed step and its time.
pub type StepTime = (String, Duration);

/// A position in the function's log.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

/// The current end of the log.
pub fn mark(cloud: &Cloud) -> Result<Mark> {
    Ok(Mark(log(cloud)?.len()))
}

/// The steps of `secret` that the log has after `mark`. Waits until there are `expected` steps.
pub async fn since(cloud: &Cloud, mark: Mark, secret: &str, expected: usize) -> Result<Vec<StepTime>> {
    let began = Instant::now();
    loop {
        let found: Vec<StepTime> =
            log(cloud)?.iter().skip(mark.0).filter_map(|line| parse(line, secret)).collect();
        if found.len() >= expected || began.elapsed() > LOG_LIMIT {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn log(cloud: &Cloud) -> Result<Vec<String>> {
    cloud.aws.function_log(&format!("{STACK}-rotation-mq"))
}

fn parse(line: &str, secret: &str) -> Option<StepTime> {
    let line: Value = serde_json::from_str(line).ok()?;
    let of_the_secret = line.get("secret.arn")? == secret && line.get("message")? == "done";
    let step = line.get("rotation.step")?.as_str()?.to_owned();
    let time = Duration::from_millis(line.get("duration_ms")?.as_u64()?);
    of_the_secret.then_some((step, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_finished_step_of_the_secret_has_a_time() {
        let done = r#"{"message":"done","secret.arn":"a","rotation.step":"setSecret","duration_ms":97}"#;
        assert_eq!(parse(done, "a"), Some(("setSecret".to_owned(), Duration::from_millis(97))));
        assert_eq!(parse(done, "b"), None);
        assert_eq!(parse(r#"{"message":"password set","secret.arn":"a"}"#, "a"), None);
        assert_eq!(parse("a line of another library", "a"), None);
    }
}

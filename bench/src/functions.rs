//! The functions that are not part of a rotation: one kind of invocation each, in a warm process and in a new one.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, tag};

use crate::environment::{Environment, Invocation, Size};
use crate::figures::Invocations;
use crate::plan::Plan;
use crate::program::Program;
use crate::spread::Spread;
use crate::{clock, watched};

/// The messages that Lambda hands dlq-handler at once, as the template says.
const BATCH: usize = 10;
/// The secrets that rotation-watch checks.
const WATCHED: usize = 20;
const AT_ONCE: usize = 8;

/// What is invoked: a program, what it does, and its events.
pub(crate) struct Work<'a, E> {
    pub program: &'a Program,
    pub what: &'a str,
    /// Makes the event of the next invocation.
    pub events: E,
}

struct Series<'a> {
    size: Size<'a>,
    environment: Environment,
    warm: Vec<Invocation>,
    /// The times and the CPU times from the start of the process.
    first: Vec<(Duration, Duration)>,
}

/// Runs rotation-watch on 20 secrets, with the smallest and the largest share.
///
/// # Errors
/// When a secret is not created, or a run fails.
pub async fn measure_watch(cloud: &Cloud, program: &Program, plan: &Plan<'_>) -> Result<Vec<Invocations>> {
    watched::create(cloud, "twenty", WATCHED, |_| {}).await?;
    let what = format!("{WATCHED} secrets");
    measure(Work { program, what: &what, events: async || Ok(json!({})) }, plan).await
}

/// Hands dlq-handler batches of ten failures, each about a secret without an open incident.
///
/// # Errors
/// When a secret is not created, or dlq-handler fails with a message.
pub async fn measure_handler(cloud: &Cloud, program: &Program, plan: &Plan<'_>) -> Result<Vec<Invocations>> {
    let queue = cloud.stack.output("DeadLetterQueueArn")?;
    let batches = plan.ends().len() * (1 + 2 * plan.rotations);
    let mut secrets = create_secrets(cloud, batches * BATCH).await?.into_iter();
    let events = async || {
        let ten: Vec<_> = secrets.by_ref().take(BATCH).collect();
        ensure!(ten.len() == BATCH, "there are no more secrets");
        let records: Vec<_> = ten.iter().map(|secret| record(secret, queue)).collect();
        Ok(json!({"Records": records}))
    };
    let what = "batch of ten failures";
    measure(Work { program, what, events }, plan).await
}

/// Invokes the program in a warm process and in a new one, as often as planned, with the smallest and the largest share.
///
/// # Errors
/// When the program does not start, or an invocation fails.
pub(crate) async fn measure<E>(mut work: Work<'_, E>, plan: &Plan<'_>) -> Result<Vec<Invocations>>
where
    E: AsyncFnMut() -> Result<Value>,
{
    let mut all = Vec::new();
    for size in plan.ends() {
        let (mut environment, _) = Environment::start(work.program, size).await?;
        // Prepares what later invocations find.
        invoke(&mut environment, &mut work.events).await?;
        all.push(Series { size, environment, warm: Vec::new(), first: Vec::new() });
    }
    for _ in 0..plan.rotations {
        for series in &mut all {
            series.warm.push(invoke(&mut series.environment, &mut work.events).await?);
            let (mut environment, start) = Environment::start(work.program, series.size).await?;
            let first = invoke(&mut environment, &mut work.events).await?;
            series.first.push((start + first.time, environment.cpu()?));
        }
    }
    all.iter().map(|series| series.figures(work.program, work.what)).collect()
}

impl Series<'_> {
    fn figures(&self, program: &Program, what: &str) -> Result<Invocations> {
        let warm =
            |value: fn(&Invocation) -> Duration| Spread::of(&self.warm.iter().map(value).collect::<Vec<_>>());
        let first = |value: fn(&(Duration, Duration)) -> Duration| {
            Spread::of(&self.first.iter().map(value).collect::<Vec<_>>())
        };
        Ok(Invocations {
            program: program.name.clone(),
            work: what.to_owned(),
            memory_mb: self.size.memory_mb,
            warm: warm(|one| one.time),
            warm_cpu: warm(|one| one.cpu),
            first: first(|(time, _)| *time),
            first_cpu: first(|(_, cpu)| *cpu),
            peak_kb: self.environment.peak_kb()?,
        })
    }
}

async fn invoke<E>(environment: &mut Environment, events: &mut E) -> Result<Invocation>
where
    E: AsyncFnMut() -> Result<Value>,
{
    let event = events().await?;
    let invocation = environment.invoke(&event).await?;
    let failed = invocation.answer["batchItemFailures"].as_array().is_some_and(|failed| !failed.is_empty());
    ensure!(!failed, "dlq-handler could not handle a message: {}", invocation.answer);
    Ok(invocation)
}

async fn create_secrets(cloud: &Cloud, count: usize) -> Result<Vec<String>> {
    futures_util::stream::iter(0..count)
        .map(|number| async move {
            let create = cloud.secrets.create_secret().name(format!("rabbitmq/bench-failed-{number}"));
            let create = create.secret_string("{}").tags(tag("rotation-mq", "rotate"));
            let created = create.send().await.context("no secret was created")?;
            created.arn.context("a secret without an ARN")
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// One message of a batch, as Lambda's event source mapping sends it.
fn record(secret: &str, queue: &str) -> Value {
    let sent_at = clock::milliseconds().to_string();
    let id = secret.rsplit(':').next().unwrap_or_default();
    json!({
        "messageId": id, "receiptHandle": id, "body": notice(secret).to_string(),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": sent_at},
        "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": queue, "awsRegion": "us-east-1",
    })
}

/// What rotation-mq publishes when a step fails.
fn notice(secret: &str) -> Value {
    json!({
        "schema": "rotation-failure/1", "kind": "admin.login_refused", "severity": "error", "transient": false,
        "testOnly": false, "step": "setSecret", "secretArn": secret,
        "versionId": "0123456789abcdef0123456789abcdef", "broker": "b-1234", "user": "bench_clone",
        "message": "setSecret failed (admin.login_refused): failed to read the grants of broker user `bench`",
        "causes": ["the broker refuses the login of user `admin`"], "function": "rotation-rotation-mq",
        "requestId": "11111111-1111-1111-1111-111111111111", "occurredAt": clock::moment(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_shape_that_lambda_sends() {
        let record =
            record("arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq/a-AbCdEf", "arn:queue");
        assert_eq!(record["messageId"], "rabbitmq/a-AbCdEf");
        assert_eq!(record["eventSourceARN"], "arn:queue");
        let notice: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        assert_eq!(notice["schema"], "rotation-failure/1");
        assert!(notice["occurredAt"].as_str().unwrap().ends_with('Z'));
    }
}

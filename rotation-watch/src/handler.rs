//! One run: it checks every secret under a policy, notifies the owners, and stores that it has notified them.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use lambda_boundary::{Unit, causes, diagnostic, metric, time_left, within};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;

use crate::Watch;
use crate::error::WatchError;
use crate::inspection::inspect_some;
use crate::look_up::look_up;
use crate::telling::{Letter, Totals, plan};
use crate::{ages, wording};

/// Time that is kept back to report that the time ran out.
const RESERVE: Duration = Duration::from_secs(5);

/// The pause between two checks whether another run has ended.
const LOOK: Duration = Duration::from_secs(1);

/// The event of the hourly schedule. Every other event starts the check of all secrets.
const INSPECT: &str = "inspect";

/// Runs once. Except for the action, the event does not matter: the schedule's event and one that is sent by hand mean the same.
///
/// # Errors
/// The failure's kind as `errorType`. Repeating the run is safe.
pub async fn handle(watch: &Watch, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let context = event.context;
    let span = tracing::info_span!("invocation", request_id = context.request_id);
    async {
        let now = (watch.now)();
        let left = time_left(context.deadline, now.as_millisecond(), Duration::ZERO);
        let until = now.saturating_add(left).unwrap_or(now);
        let end = Instant::now() + left.saturating_sub(RESERVE);
        let id = context.request_id.as_str();
        let run = async {
            if event.payload["Action"] == INSPECT {
                inspect_some(watch, event.payload["SecretId"].as_str(), id, end).await
            } else {
                run_alone(watch, id, until, end).await
            }
        };
        // On the heap: the future of a whole run is large.
        let outcome = timeout_at(end, Box::pin(run)).await.unwrap_or(Err(WatchError::TimedOut));
        outcome.map_err(|error| {
            let causes = causes(&error).join(": ");
            tracing::error!(kind = error.kind().as_str(), causes, "{error}");
            diagnostic(error.kind(), &error)
        })
    }
    .instrument(span)
    .await
}

/// Waits until a run that is in progress has ended. It ends before the time of this run is over.
async fn run_alone(watch: &Watch, id: &str, until: Timestamp, end: Instant) -> Result<Value, WatchError> {
    while !watch.memory.begin(id, (watch.now)(), until).await.map_err(WatchError::Turn)? {
        sleep(LOOK).await;
    }
    let outcome = run(watch, (watch.now)(), end).await;
    if let Err(error) = watch.memory.end(id, (watch.now)()).await {
        tracing::warn!(
            "the end of this run could not be stored, so the next run waits until {until}: {error}"
        );
    }
    outcome
}

async fn run(watch: &Watch, now: Timestamp, end: Instant) -> Result<Value, WatchError> {
    let secrets = watch.secrets.under_policy(&watch.config.rotation_tag).await.map_err(WatchError::List)?;
    let memories = watch.memory.read().await.map_err(|source| WatchError::Memory { what: "read", source })?;
    let seen = ages::so_far(secrets, memories);
    let asking = time_to_ask(end.saturating_duration_since(Instant::now()));
    let looked = within(asking, look_up(watch, seen, Instant::now() + asking, now)).await;
    let (letters, totals) = plan(looked.seen, now, watch.config.due_within);
    let mut told = 0_usize;
    let mut failed = looked.failed;
    for letter in &letters {
        match tell(watch, letter, now).await {
            Ok(messages) => told += messages,
            // The other owners are notified nevertheless. The next run notifies this one.
            Err(error) => failed = Some(error),
        }
    }
    measure(&totals, now);
    if let Some(error) = failed {
        return Err(error);
    }
    let by_kind: HashMap<&str, u64> =
        totals.by_kind.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    tracing::info!(watched = totals.watched, compliant = totals.compliant, messages = told, "done");
    Ok(json!({
        "watched": totals.watched, "compliant": totals.compliant, "messages": told, "findings": by_kind,
    }))
}

/// How long a run that has `left` may ask for ages. The rest is for notifying the owners of what is known, and for storing
/// that they were notified.
fn time_to_ask(left: Duration) -> Duration {
    left * 3 / 4
}

/// Notifies one owner, and returns the number of messages. The memory is written afterwards: to notify an owner twice is
/// better than not at all.
async fn tell(watch: &Watch, letter: &Letter, now: Timestamp) -> Result<usize, WatchError> {
    let playbooks = &watch.config.playbooks;
    let failed = |what: &str| {
        let (owner, what) = (letter.owner.clone(), what.to_owned());
        move |source| WatchError::Alert { owner, what, source }
    };
    let mut messages = 0;
    for entry in &letter.alone {
        let alert = wording::alone(&letter.owner, entry, playbooks);
        watch.alerts.publish_alert(&alert).await.map_err(failed(&entry.arn))?;
        messages += 1;
    }
    if let Some(digest) = wording::digest(letter, playbooks) {
        watch.alerts.publish_alert(&digest).await.map_err(failed("all secrets"))?;
        messages += 1;
    }
    let stored = watch.memory.write_all(&letter.memories, now).await;
    stored.map_err(|source| WatchError::Memory { what: "store", source })?;
    Ok(messages)
}

fn measure(totals: &Totals, now: Timestamp) {
    let now = now.as_millisecond();
    metric(now, "SecretsWatched", Unit::Count, totals.watched, &[], &[]);
    metric(now, "SecretsCompliant", Unit::Count, totals.compliant, &[], &[]);
    for (kind, count) in &totals.by_kind {
        metric(now, "SecretsOutOfOrder", Unit::Count, *count, &[("Kind", kind.as_str())], &[]);
    }
}

//! One hourly run: it inspects a part of the secrets, reports what it finds to dlq-handler, and stores it.
//!
//! A run is independent of the daily check of all secrets. Repeating it is safe: what was inspected in this run is not due any
//! more, and dlq-handler notifies nobody twice of the same finding.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract::FailureNotice;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use lambda_boundary::{Unit, metric};
use messages::{InspectError, Inspections, Topic};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::findings::{Told, conclude};
use self::turn::{Turn, due, named};
use crate::Watch;
use crate::error::WatchError;

pub mod findings;
pub mod turn;

/// How many secrets are inspected at the same time. 10,000 secrets are 417 in an hour: at five seconds each, nine minutes.
const AT_ONCE: usize = 4;
/// The longest inspection, and what is stored after it. A run begins none when it has less time.
const LONGEST: Duration = Duration::from_secs(85);
/// If `inspect` has given no answer so often, it would give none for the other secrets.
const UNANSWERED_LIMIT: usize = 20;
/// The step of the notices. dlq-handler keeps their incidents in an area of their own.
const STEP: &str = "inspection";

/// What one run has done.
#[derive(Debug, Default)]
struct Done {
    inspected: AtomicUsize,
    failed: AtomicUsize,
    told: AtomicUsize,
    left: AtomicUsize,
    unanswered: AtomicUsize,
}

/// The parts of the outside world that only inspections need.
#[derive(Debug)]
pub struct Inspecting {
    /// The function `inspect`.
    pub function: Inspections,
    /// The dead-letter topic.
    pub notices: Topic,
}

/// Inspects the secrets whose turn it is, until `end`. If `only` is set, it inspects the secret with that name or ARN instead.
///
/// # Errors
/// When the secrets cannot be listed, `inspect` gives no answers, or the table or the topic fails. What was found before is
/// reported nevertheless.
pub async fn inspect_some(
    watch: &Watch,
    only: Option<&str>,
    request_id: &str,
    end: Instant,
) -> Result<Value, WatchError> {
    let Some(inspecting) = &watch.inspecting else {
        return Ok(json!({"inspected": 0, "reason": "INSPECT_FUNCTION is not set"}));
    };
    let now = (watch.now)();
    let secrets = watch.secrets.under_policy(&watch.config.rotation_tag).await.map_err(WatchError::List)?;
    let memories = watch.memory.inspections().await;
    let memories = memories.map_err(|source| WatchError::Inspected { what: "read", source })?;
    let own = secrets.into_iter().filter(|secret| watch.config.may_inspect(secret));
    let turns = match only {
        Some(secret) => named(own, memories, secret),
        None => due(own, memories, now),
    };
    let (all, until) = (turns.len(), end.checked_sub(LONGEST).unwrap_or(end));
    let run = Run { watch, inspecting, request_id, until, done: Done::default() };
    let mut failed = None;
    let mut arriving = pin!(stream::iter(turns).map(|turn| run.inspect(turn)).buffer_unordered(AT_ONCE));
    while let Some(outcome) = arriving.next().await {
        if let Err(error) = outcome {
            tracing::warn!(kind = error.kind().as_str(), "{error}");
            failed.get_or_insert(error);
        }
    }
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let Done { inspected, failed: fails, told, left, .. } = &run.done;
    let (inspected, fails, told, left) = (count(inspected), count(fails), count(told), count(left));
    tracing::info!(
        due = all,
        inspected,
        failed = fails,
        told,
        left,
        "inspected {inspected} of {all} secrets"
    );
    let metrics = [("SecretsInspected", inspected), ("InspectionsFailed", fails), ("InspectionsLeft", left)];
    for (name, value) in metrics {
        metric(now.as_millisecond(), name, Unit::Count, u64::try_from(value).unwrap_or(u64::MAX), &[], &[]);
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(json!({"due": all, "inspected": inspected, "failed": fails, "told": told, "left": left})),
    }
}

struct Run<'a> {
    watch: &'a Watch,
    inspecting: &'a Inspecting,
    request_id: &'a str,
    until: Instant,
    done: Done,
}

impl Run<'_> {
    async fn inspect(&self, turn: Turn) -> Result<(), WatchError> {
        let add = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::Relaxed);
        let is_over =
            Instant::now() >= self.until || self.done.unanswered.load(Ordering::Relaxed) >= UNANSWERED_LIMIT;
        if is_over {
            // Its turn comes first in the next run that includes it.
            add(&self.done.left);
            return Ok(());
        }
        let answer = self.inspecting.function.inspect(&turn.arn).await;
        let now = (self.watch.now)();
        if let Err(error) = answer.as_ref()
            && error.is_of_the_function()
        {
            add(&self.done.unanswered);
        }
        let Some(concluded) = conclude(&turn.memory, &turn.arn, &answer, now) else {
            return match answer {
                Err(source) if source.is_of_the_function() => {
                    Err(WatchError::Inspect { arn: turn.arn, source })
                }
                // It was deleted meanwhile.
                _ => Ok(()),
            };
        };
        add(if concluded.is_inspected { &self.done.inspected } else { &self.done.failed });
        if let Err(error) = &answer {
            tracing::warn!(
                secret.arn = turn.arn,
                kind = error.kind().as_str(),
                "the secret could not be inspected: {error}"
            );
        }
        // People are notified before it is stored: twice is better than not at all.
        if let Some(told) = concluded.told {
            self.tell(&turn.arn, told, now).await?;
            add(&self.done.told);
        }
        let stored = self.watch.memory.write_inspection(&concluded.memory, now).await;
        stored.map_err(|source| WatchError::Inspected { what: "store", source })
    }

    async fn tell(&self, arn: &str, told: Told, now: Timestamp) -> Result<(), WatchError> {
        let notice = FailureNotice {
            step: Some(STEP.to_owned()),
            secret_arn: Some(arn.to_owned()),
            broker: told.broker,
            user: told.user,
            function: self.watch.config.function.clone(),
            request_id: self.request_id.to_owned(),
            occurred_at: now.to_string(),
            ..FailureNotice::new(told.kind, &told.message, &told.others)
        };
        let published = self.inspecting.notices.publish_notice(&notice).await;
        published.map_err(|source| WatchError::Notice { arn: arn.to_owned(), source })
    }
}

/// The answer about one secret.
pub type Answer = Result<contract::Inspection, InspectError>;

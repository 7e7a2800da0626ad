//! One invocation: a batch of messages in, those that could not be handled out, so that they stay in the queue.

use std::time::{Duration, Instant};

use contract::{Area, Kind};
use jiff::{SignedDuration, Timestamp};
use lambda_boundary::{Unit, causes, diagnostic, metric, time_left};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Effect, Record, Sender};
use crate::message::{Closing, Failure, Message, Success};
use crate::own_message::OwnMessage;
use crate::remedy::{Remedy, remedy};
use crate::secret_store::Standing;
use crate::sqs_event::{BatchAnswer, ItemFailure, SqsEvent, SqsRecord};
use crate::triage::{Received, triage};

/// Time that is kept back to name the failed messages before Lambda's own timeout. Otherwise all messages would come
/// again.
const ANSWER_RESERVE: Duration = Duration::from_secs(3);

/// The largest difference between the clocks of AWS's services.
const CLOCKS: SignedDuration = SignedDuration::from_mins(1);

/// Handles one batch.
///
/// # Errors
/// When the event is not a batch. Messages that fail are named in the answer instead.
pub async fn handle(handler: &DlqHandler, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let span = tracing::info_span!("invocation", request_id = context.request_id);
    async {
        let started = Instant::now();
        let now = (handler.now)();
        let left = time_left(context.deadline, now.as_millisecond(), Duration::ZERO);
        let limit = left.saturating_sub(ANSWER_RESERVE);
        let sender = Sender { id: context.request_id, until: now.saturating_add(left).unwrap_or(now) };
        let batch = serde_json::from_value::<SqsEvent>(payload);
        let batch = batch.map_err(|_| refused(&HandlerError::Event))?;
        let mut answer = BatchAnswer::default();
        for record in &batch.records {
            let left = limit.saturating_sub(started.elapsed());
            let work = Box::pin(handle_message(handler, record, &sender));
            let outcome = tokio::time::timeout(left, work).await.unwrap_or(Err(HandlerError::TimedOut));
            if let Err(error) = outcome {
                log(&error, &record.message_id);
                answer.batch_item_failures.push(ItemFailure { item_identifier: record.message_id.clone() });
            }
        }
        let (messages, failed) = (batch.records.len(), answer.batch_item_failures.len());
        tracing::info!(messages, failed, "done");
        Ok(json!(answer))
    }
    .instrument(span)
    .await
}

fn refused(error: &HandlerError) -> Diagnostic {
    log(error, "");
    diagnostic(error.kind(), error)
}

fn log(error: &HandlerError, message_id: &str) {
    let causes = causes(error).join(": ");
    tracing::error!(message.id = message_id, kind = error.kind().as_str(), causes, "{error}");
}

async fn handle_message(
    handler: &DlqHandler,
    record: &SqsRecord,
    sender: &Sender,
) -> Result<(), HandlerError> {
    let received = Received {
        id: &record.message_id,
        sent_at: record.sent_at((handler.now)()),
        way: handler.config.queues.way(record.queue_arn.as_deref()),
        deliverer: handler.config.places.secret2eks.as_deref(),
        waited: false,
        sender: record.sender(),
    };
    match triage(received, &record.body) {
        Message::Failure(failure) => {
            let failure = handler.name_storer(*failure).await?;
            if waits(&failure) && !handler.config.grace.is_zero() {
                let waited = OwnMessage::Waited { body: record.body.clone(), sent_at: received.sent_at };
                return later(handler, &failure.subject, &waited, handler.config.grace).await;
            }
            fail(handler, handler.name_failure(failure).await, sender).await
        }
        Message::Stored(stored) => handler.remember_storer(stored, sender).await,
        Message::Success(success) => match handler.name_success(success).await {
            Some(success) => succeed(handler, &success, sender).await,
            None => Ok(()),
        },
        Message::Untrusted { failure, claim } => distrust(handler, *failure, claim, sender).await,
        Message::Access(access) => handler.report_access(&access, sender).await,
        Message::Close(closing) => close(handler, &closing, sender).await,
        Message::Redelivery(request) => {
            tracing::info!(
                secret.arn = request.secret_arn,
                attempt = request.attempt,
                "delivery is requested again"
            );
            handler
                .redelivery
                .request(&request)
                .await
                .map(drop)
                .map_err(|source| HandlerError::Redelivery { subject: request.secret_arn.clone(), source })
        }
        Message::Sweep => handler.sweep(sender).await,
        Message::Information(text) => {
            tracing::info!("{text}");
            Ok(())
        }
    }
}

/// Records a success. A rotation that succeeded may also end an incident about connections that outlive rotations.
async fn succeed(handler: &DlqHandler, success: &Success, sender: &Sender) -> Result<(), HandlerError> {
    let change = |record: &mut Record, now| record.succeed(success, now);
    handler.change(&success.subject, success.area, sender, change).await?;
    if success.area == Area::Rotation && !success.of_test {
        handler.change(&success.subject, Area::Connections, sender, change).await?;
    }
    Ok(())
}

/// Closes an incident for a person. The log says who did it also if there was nothing to close.
async fn close(handler: &DlqHandler, closing: &Closing, sender: &Sender) -> Result<(), HandlerError> {
    let change = |record: &mut Record, now| record.close(closing, now);
    let effect = handler.change(&closing.subject, closing.area, sender, change).await?;
    tracing::info!(
        subject = closing.subject,
        area = closing.area.as_str(),
        by = closing.closed.by,
        sender = closing.closed.sender,
        reason = closing.closed.reason,
        closed = effect == Effect::Closed,
        "a person closes an incident"
    );
    Ok(())
}

/// A success that came through an unexpected queue counts if Secrets Manager confirms it: it was in the only queue of
/// version 0.1 during an update, or was moved to another queue. Nothing else counts.
async fn distrust(
    handler: &DlqHandler,
    failure: Failure,
    claim: Option<Success>,
    sender: &Sender,
) -> Result<(), HandlerError> {
    if let Some(success) = claim
        && let Standing::Exists(facts) = handler.standing(&success.subject, success.area).await
        && let Some(success) = confirmed(&success, facts.last_rotated)
    {
        tracing::info!(
            secret.arn = success.subject,
            "a success came through an unexpected queue, and Secrets Manager confirms it"
        );
        return succeed(handler, &success, sender).await;
    }
    let (now, kind) = ((handler.now)().as_millisecond(), failure.kind.as_str());
    tracing::warn!(kind, "{}", failure.detail.message);
    metric(now, "MessagesDistrusted", Unit::Count, 1, &[], &[("subject", failure.subject.as_str())]);
    handler.fail(&failure, sender).await
}

/// The success, if Secrets Manager confirms it. Secrets Manager's times are in whole seconds.
fn confirmed(claim: &Success, last_rotated: Option<Timestamp>) -> Option<Success> {
    let last = last_rotated.filter(|last| claim.at.duration_since(*last) <= CLOCKS)?;
    Some(Success { at: claim.at.min(last), ..claim.clone() })
}

/// CloudTrail reports that a rotation failed, but not why. The notice that says why may arrive later. So may the event that
/// names who stored a value that does not log in.
fn waits(failure: &Failure) -> bool {
    let is_unexplained = match failure.kind {
        Kind::RotationFailed | Kind::RotationTestFailed => true,
        Kind::DeliveryHeldBack => failure.detail.stored_by.is_none(),
        _ => false,
    };
    is_unexplained && !failure.waited
}

async fn fail(handler: &DlqHandler, mut failure: Failure, sender: &Sender) -> Result<(), HandlerError> {
    if handler.is_reported_already(&failure).await? {
        let (subject, kind) = (failure.subject.as_str(), failure.kind.as_str());
        tracing::info!(subject, kind, "an inspection found what an open incident of another area reports");
        return Ok(());
    }
    let remedy = match remedy(&failure, handler.config.redelivery_delay) {
        Remedy::Again(..) if !handler.redelivery.is_possible() => Remedy::Impossible,
        remedy => remedy,
    };
    failure.detail.tried = remedy.words();
    // Before the failure is recorded: a delivery that is requested twice is harmless, a forgotten one is not.
    if let Remedy::Again(request, delay) = remedy
        && !handler.has_seen(&failure).await?
    {
        later(handler, &failure.subject, &OwnMessage::Redelivery { request }, delay).await?;
    }
    handler.fail(&failure, sender).await
}

async fn later(
    handler: &DlqHandler,
    subject: &str,
    message: &OwnMessage,
    delay: Duration,
) -> Result<(), HandlerError> {
    handler
        .queue
        .send_later(message, delay)
        .await
        .map_err(|source| HandlerError::Later { subject: subject.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_from_a_wrong_queue_counts_if_secrets_manager_confirms_it() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default();
        let claim = |seconds: i64| Success {
            id: "1".to_owned(),
            area: Area::Rotation,
            subject: "arn".to_owned(),
            at: at(seconds),
            of_test: false,
        };
        for (claimed, last, expected) in [
            (100, Some(at(100)), Some(at(100))),
            (100, Some(at(5_000)), Some(at(100))),
            (101, Some(at(100)), Some(at(100))),
            (161, Some(at(100)), None),
            (100, None, None),
        ] {
            let found = confirmed(&claim(claimed), last).map(|success| success.at);
            assert_eq!(found, expected, "{claimed} {last:?}");
        }
    }
}

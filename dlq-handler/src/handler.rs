//! One invocation: a batch of messages in, those that could not be handled out, so that they stay in the queue.

use std::time::{Duration, Instant};

use contract::Kind;
use lambda_boundary::{causes, diagnostic, time_left};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::DlqHandler;
use crate::error::HandlerError;
use crate::incident::{Record, Sender};
use crate::message::{Failure, Message};
use crate::own_message::OwnMessage;
use crate::remedy::{Remedy, remedy};
use crate::sqs_event::{BatchAnswer, ItemFailure, SqsEvent, SqsRecord};
use crate::triage::triage;

/// Time kept back to name the messages that failed before Lambda's own timeout: unnamed, all would come again.
const ANSWER_RESERVE: Duration = Duration::from_secs(3);

/// Handles one batch.
///
/// # Errors
/// When the event is no batch. Messages that fail are named in the answer instead.
pub async fn handle(handler: &DlqHandler, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let span = tracing::info_span!("invocation", request_id = context.request_id);
    async {
        let started = Instant::now();
        let now = (handler.now)();
        let left = time_left(context.deadline, now.as_millisecond(), Duration::ZERO);
        let limit = left.saturating_sub(ANSWER_RESERVE);
        let sender = Sender { id: context.request_id, until: now.saturating_add(left).unwrap_or(now) };
        let batch: SqsEvent =
            serde_json::from_value(payload).map_err(|error| refused(&HandlerError::Event(error)))?;
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
    let sent_at = record.sent_at((handler.now)());
    match triage(&record.message_id, &record.body, sent_at) {
        Message::Failure(failure) if waits(&failure) && !handler.config.grace.is_zero() => {
            let waited = OwnMessage::Waited { body: record.body.clone(), sent_at };
            later(handler, &failure.subject, &waited, handler.config.grace).await
        }
        Message::Failure(failure) => fail(handler, *failure, sender).await,
        Message::Success(success) => {
            let change = |record: &mut Record, now| record.succeed(&success, now);
            handler.change(&success.subject, success.area, sender, change).await.map(|_| ())
        }
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

/// CloudTrail says that a rotation failed and not why: the notice that does may be on its way.
fn waits(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::RotationFailed | Kind::RotationTestFailed) && !failure.waited
}

async fn fail(handler: &DlqHandler, mut failure: Failure, sender: &Sender) -> Result<(), HandlerError> {
    let remedy = match remedy(&failure, handler.config.redelivery_delay) {
        Remedy::Again(..) if !handler.redelivery.is_possible() => Remedy::Impossible,
        remedy => remedy,
    };
    failure.detail.tried = remedy.words();
    // Before it is written down: a delivery that is asked for twice is harmless, a forgotten one is not.
    if let Remedy::Again(request, delay) = remedy
        && !handler.has_seen(&failure).await?
    {
        later(handler, &failure.subject, &OwnMessage::Redelivery { request }, delay).await?;
    }
    let change = |record: &mut Record, now| record.fail(&failure, now);
    handler.change(&failure.subject, failure.area, sender, change).await.map(drop)
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

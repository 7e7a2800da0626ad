//! One invocation: it reads the event and does its work within its time. A request of CloudFormation is always answered. A
//! failure is reported once: to the log, to the dead-letter topic, and to the caller or to CloudFormation.

use std::time::{Duration, Instant};

use contract::FailureNotice;
use lambda_boundary::{causes, diagnostic, time_left, within};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use rotation_mq::handler::{NOTICE_TIMEOUT, is_out_of_reach};
use rotation_mq::subject::Subject;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::BrokerUsers;
use crate::delete::delete;
use crate::ensure::ensure;
use crate::error::BrokerUserError;
use crate::event::{self, Envelope, Id, Request, Work};
use crate::response::{Answer, body};
use crate::undo::{Undo, undo};

/// Time kept back for the answer and for the notice, before Lambda's own timeout (`Timeout` in `infra/template.yaml`).
/// Before it comes [`UNDO_RESERVE`]. CloudFormation waits longer than Lambda's timeout: the `ServiceTimeout` in the
/// templates also has the time that an event may wait for concurrency (`MaximumEventAgeInSeconds`).
pub const ANSWER_RESERVE: Duration = Duration::from_secs(5);
/// Time kept back for deleting what a failed Create has created.
pub const UNDO_RESERVE: Duration = Duration::from_secs(5);
/// What is left when the last attempt to answer ends.
const MARGIN: Duration = Duration::from_millis(300);
const _: () = assert!(NOTICE_TIMEOUT.as_secs() < ANSWER_RESERVE.as_secs());

/// What a request has done.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    physical_id: String,
    usernames: Vec<String>,
}

/// Handles one event.
///
/// # Errors
/// The failure's kind as `errorType`, if the caller waits for the answer, or if CloudFormation did not get it. The notice
/// has been published then.
pub async fn handle(users: &BrokerUsers, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let span = tracing::info_span!("invocation", request_id = context.request_id);
    respond(users, &payload, &context).instrument(span).await
}

async fn respond(users: &BrokerUsers, payload: &Value, context: &Context) -> Result<Value, Diagnostic> {
    let started = Instant::now();
    let subject = Subject::default();
    // What a bad event says of its subject is in its notice.
    if let Some(secret) = event::secret_hint(payload) {
        let _ = subject.secret.set(secret.to_owned());
    }
    let request = match event::parse(payload, users.config.response_host.as_deref()) {
        Ok(request) => request,
        Err(error) => {
            let error = BrokerUserError::from(error);
            tell(users, &error, &subject, context).await;
            return Err(diagnostic(error.kind(), &error));
        }
    };
    let Request { action, envelope, work } = request;
    let _ = subject.step.set(action);
    let noted = Undo::default();
    let limit = left(users, context, ANSWER_RESERVE + UNDO_RESERVE);
    // On the heap: the future of a whole request is large.
    let outcome = Box::pin(async { run(users, work?, &subject, &noted).await });
    let outcome = tokio::time::timeout(limit, within(limit, outcome)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(BrokerUserError::TimedOut(started.elapsed())));
    let is_left = outcome.is_err() && !noted.is_empty() && !is_undone(users, &noted).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let told = async {
        match &outcome {
            Ok(_) => tracing::info!(
                secret.arn = subject.secret.get(),
                broker.user = subject.user.get(),
                duration_ms,
                "{action}: done"
            ),
            Err(error) => tell(users, error, &subject, context).await,
        }
    };
    let Some(envelope) = envelope else {
        told.await;
        return outcome.map(|done| answer(&done)).map_err(|error| diagnostic(error.kind(), &error));
    };
    // Side by side: the time that is kept back is for one.
    let ((), answered) =
        tokio::join!(told, answer_cloudformation(users, &envelope, &outcome, is_left, context));
    match answered {
        Ok(()) => Ok(Value::Null),
        Err(error) => {
            tell(users, &error, &subject, context).await;
            Err(diagnostic(error.kind(), &error))
        }
    }
}

async fn run(
    users: &BrokerUsers,
    work: Work,
    subject: &Subject,
    noted: &Undo,
) -> Result<Done, BrokerUserError> {
    match work {
        Work::Ensure { wanted, purpose, replaced } => {
            let usernames = ensure(users, &wanted, purpose, subject, noted).await?;
            if let Some(replaced) = replaced {
                delete(users, &replaced, Id::Ours, subject).await?;
            }
            Ok(Done { physical_id: wanted.identity.physical_id(), usernames })
        }
        Work::Delete { identity, id } => {
            delete(users, &identity, id, subject).await?;
            Ok(Done { physical_id: identity.physical_id(), usernames: Vec::new() })
        }
        Work::Nothing { why } => {
            tracing::info!("nothing to delete: {why}");
            Ok(Done { physical_id: String::new(), usernames: Vec::new() })
        }
    }
}

/// The answer to a caller that waits for it.
fn answer(done: &Done) -> Value {
    json!({"PhysicalResourceId": done.physical_id, "Usernames": done.usernames})
}

async fn answer_cloudformation(
    users: &BrokerUsers,
    envelope: &Envelope,
    outcome: &Result<Done, BrokerUserError>,
    is_left: bool,
    context: &Context,
) -> Result<(), BrokerUserError> {
    let failed_id = envelope.id_of_a_failure(is_left);
    let text = match outcome {
        Ok(done) => {
            // A deletion is answered with the id that it was asked for.
            let is_deletion = done.usernames.is_empty();
            let physical_id = if is_deletion { &failed_id } else { &done.physical_id };
            body(envelope, Answer::Done { physical_id, usernames: &done.usernames })
        }
        Err(error) => {
            let message = diagnostic(error.kind(), error).error_message;
            let (kind, playbooks) = (error.kind(), users.config.playbooks.as_str());
            body(envelope, Answer::Failed { physical_id: &failed_id, kind, message: &message, playbooks })
        }
    };
    let limit = left(users, context, MARGIN);
    users.responses.send(&envelope.url, &text, limit).await.map_err(BrokerUserError::Unanswered)
}

/// Deletes what a failed Create has created. Returns whether nothing is left.
async fn is_undone(users: &BrokerUsers, noted: &Undo) -> bool {
    match tokio::time::timeout(UNDO_RESERVE, undo(users, noted)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(
                kind = error.kind().as_str(),
                causes = causes(&error).join(": "),
                "the user that this request had created may be left: {error}"
            );
            false
        }
        Err(_) => {
            tracing::error!("the user that this request had created may be left: no time to delete it");
            false
        }
    }
}

/// Logs a failure and publishes its notice. A notice that cannot be published is at least in the log.
async fn tell(users: &BrokerUsers, error: &BrokerUserError, subject: &Subject, context: &Context) {
    let (kind, causes) = (error.kind(), causes(error));
    if let Some(broker) = subject.broker.get().filter(|_| is_out_of_reach(kind)) {
        users.amazon_mq.forget(broker);
    }
    tracing::error!(
        secret.arn = subject.secret.get(),
        broker.user = subject.user.get(),
        action = subject.step.get(),
        kind = kind.as_str(),
        causes = causes.join(": "),
        "{error}"
    );
    let action = subject.step.get().copied().unwrap_or("request");
    let notice = FailureNotice {
        step: subject.step.get().map(|&step| step.to_owned()),
        secret_arn: subject.secret.get().cloned(),
        broker: subject.broker.get().cloned(),
        user: subject.user.get().cloned(),
        function: context.env_config.function_name.clone(),
        request_id: context.request_id.clone(),
        occurred_at: (users.now)().to_string(),
        ..FailureNotice::new(kind, &format!("{action} failed ({kind}): {error}"), &causes)
    };
    if let Err(unpublished) = users.dead_letter.publish_notice(&notice).await {
        tracing::error!(kind = kind.as_str(), "the notice could not be published: {unpublished}");
    }
}

fn left(users: &BrokerUsers, context: &Context, reserve: Duration) -> Duration {
    time_left(context.deadline, (users.now)().as_millisecond(), reserve)
}

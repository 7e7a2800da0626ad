//! One invocation: it reads the event and does its work within its time. A request of CloudFormation is always answered.
//!
//! A failure goes to the log, and to whoever has asked: CloudFormation shows it as the event of the resource, and any other
//! caller gets it as the error. The deployment has failed then, and somebody repairs and repeats it. So there is no notice
//! and no incident: nothing would end one, because the rollback deletes a new secret. A notice is published only if
//! CloudFormation could not be answered. Then nobody else knows why its stack waits.

use std::time::{Duration, Instant};

use contract::{FailureNotice, Kind};
use lambda_boundary::{causes, diagnostic, time_left, within};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use rotation_mq::handler::{NOTICE_TIMEOUT, is_out_of_reach};
use rotation_mq::subject::Subject;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::BrokerUsers;
use crate::delete::delete;
use crate::ensure::{Ensured, ensure};
use crate::error::BrokerUserError;
use crate::event::{self, Envelope, Id, Request, Work};
use crate::response::{Answer, body};
use crate::undo::{Undo, undo};

/// Time kept back for the answer, and for the notice that there was none, before Lambda's own timeout (`Timeout` in
/// `infra/template.yaml`). Before it comes [`UNDO_RESERVE`]. CloudFormation waits longer than Lambda's timeout: the
/// `ServiceTimeout` in the templates also has the time that an event may wait for concurrency
/// (`MaximumEventAgeInSeconds`).
pub const ANSWER_RESERVE: Duration = Duration::from_secs(10);
/// Time kept back for deleting what a failed Create has created.
pub const UNDO_RESERVE: Duration = Duration::from_secs(5);
/// What is left when the notice is published.
const MARGIN: Duration = Duration::from_millis(300);
// At least five seconds for the answer.
const _: () = assert!(NOTICE_TIMEOUT.as_secs() + 5 < ANSWER_RESERVE.as_secs());

/// What a request has done.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    /// `BROKER/USERNAME`.
    physical_id: String,
    /// The users of the pair. None after a deletion.
    usernames: Vec<String>,
    /// Whether one of them existed before.
    existed: bool,
}

/// Handles one event.
///
/// # Errors
/// The failure's kind as `errorType`, if the caller waits for the answer, or if CloudFormation did not get it.
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
            log(users, &error, &subject);
            if event::is_of_cloudformation(payload) {
                notify(users, &error, &subject, context).await;
            }
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
    let is_left = outcome.is_err() && !noted.is_empty() && !is_undone(&noted).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match &outcome {
        Ok(_) => tracing::info!(
            secret.arn = subject.secret.get(),
            broker.user = subject.user.get(),
            duration_ms,
            "{action}: done"
        ),
        Err(error) => log(users, error, &subject),
    }
    let Some(envelope) = envelope else {
        return outcome.map(|done| answer(&done)).map_err(|error| diagnostic(error.kind(), &error));
    };
    let answered = answer_cloudformation(users, &envelope, &outcome, is_left, context).await;
    if let Err(error) = answered {
        log(users, &error, &subject);
        notify(users, &error, &subject, context).await;
        return Err(diagnostic(error.kind(), &error));
    }
    Ok(Value::Null)
}

async fn run<'a>(
    users: &'a BrokerUsers,
    work: Work,
    subject: &Subject,
    noted: &Undo<'a>,
) -> Result<Done, BrokerUserError> {
    match work {
        Work::Ensure { wanted, purpose, replaced } => {
            let Ensured { usernames, existed } = ensure(users, &wanted, purpose, subject, noted).await?;
            if let Some(replaced) = replaced {
                delete(users, &replaced, Id::Ours, subject).await?;
            }
            Ok(Done { physical_id: wanted.identity.physical_id(), usernames, existed })
        }
        Work::Delete { identity, id } => {
            delete(users, &identity, id, subject).await?;
            Ok(Done { physical_id: identity.physical_id(), usernames: Vec::new(), existed: false })
        }
        Work::Nothing { why } => {
            tracing::info!("nothing to delete: {why}");
            Ok(Done { physical_id: String::new(), usernames: Vec::new(), existed: false })
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
            let physical_id = match done.usernames.as_slice() {
                [] => failed_id,
                _ => envelope.id_of_a_success(&done.physical_id, done.existed),
            };
            body(envelope, Answer::Done { physical_id: &physical_id, usernames: &done.usernames })
        }
        Err(error) => {
            let message = diagnostic(error.kind(), error).error_message;
            let (kind, playbooks) = (error.kind(), users.config.playbooks.as_str());
            body(envelope, Answer::Failed { physical_id: &failed_id, kind, message: &message, playbooks })
        }
    };
    let limit = left(users, context, NOTICE_TIMEOUT + MARGIN);
    users.responses.send(&envelope.url, &text, limit).await.map_err(BrokerUserError::Unanswered)
}

/// Deletes what a failed Create has created. Returns whether nothing is left.
async fn is_undone(noted: &Undo<'_>) -> bool {
    match tokio::time::timeout(UNDO_RESERVE, undo(noted)).await {
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

/// Logs a failure, and forgets the endpoints of a broker that is out of reach.
fn log(users: &BrokerUsers, error: &BrokerUserError, subject: &Subject) {
    let kind = error.kind();
    if let Some(broker) = subject.broker.get().filter(|_| is_out_of_reach(kind)) {
        users.amazon_mq.forget(broker);
    }
    tracing::error!(
        secret.arn = subject.secret.get(),
        broker.user = subject.user.get(),
        action = subject.step.get(),
        kind = kind.as_str(),
        causes = causes(error).join(": "),
        "{error}"
    );
}

/// Publishes the notice of a failure that no caller has learned. A notice that cannot be published is at least in the log.
async fn notify(users: &BrokerUsers, error: &BrokerUserError, subject: &Subject, context: &Context) {
    let kind = error.kind();
    let action = subject.step.get().copied().unwrap_or("request");
    let notice = FailureNotice {
        step: subject.step.get().map(|&step| step.to_owned()),
        // The rotation of the secret has not failed. Without an ARN, the incident is about the function.
        secret_arn: subject.secret.get().filter(|_| kind == Kind::EventInvalid).cloned(),
        broker: subject.broker.get().cloned(),
        user: subject.user.get().cloned(),
        function: context.env_config.function_name.clone(),
        request_id: context.request_id.clone(),
        occurred_at: (users.now)().to_string(),
        ..FailureNotice::new(kind, &format!("{action} failed ({kind}): {error}"), &causes(error))
    };
    if let Err(unpublished) = users.dead_letter.publish_notice(&notice).await {
        tracing::error!(kind = kind.as_str(), "the notice could not be published: {unpublished}");
    }
}

fn left(users: &BrokerUsers, context: &Context, reserve: Duration) -> Duration {
    time_left(context.deadline, (users.now)().as_millisecond(), reserve)
}

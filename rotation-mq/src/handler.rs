//! One invocation: it reads the event and runs the step within its time. A failure is reported once: to the log, to the
//! dead-letter topic and to Lambda.

use std::time::{Duration, Instant};

use contract::{FailureNotice, Kind};
use jiff::Timestamp;
use lambda_boundary::{
    ConfigError, Environment, Unit, aws_sdk, causes, diagnostic, metric, time_left, within,
};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use messages::Topic;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::Rotation;
use crate::config::dead_letter_topic;
use crate::error::RotationError;
use crate::event::{self, Actions, Event, StepEvent, StepName};
use crate::inspect;
use crate::steps::finish_secret::Finished;
use crate::steps::{Step, adopt, create_secret, finish_secret, revoke_previous, set_secret, test_secret};
use crate::subject::Subject;

/// Time kept back for publishing the notice before Lambda's own timeout.
pub const NOTICE_RESERVE: Duration = Duration::from_secs(5);
/// A notice must be out before the time that is kept back for it is over.
pub const NOTICE_TIMEOUT: Duration = Duration::from_secs(4);
const _: () = assert!(NOTICE_TIMEOUT.as_secs() < NOTICE_RESERVE.as_secs());

/// Handles one event.
///
/// # Errors
/// The failure's kind as `errorType`; its notice has been published then.
pub async fn handle(rotation: &Rotation, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let subject = Subject::default();
    let span = tracing::info_span!("invocation", request_id = context.request_id);
    async {
        let started = Instant::now();
        let limit = time_left(context.deadline, (rotation.now)().as_millisecond(), NOTICE_RESERVE);
        // On the heap: the future of a whole step is large.
        let work = Box::pin(run(rotation, &payload, &subject, &context, tokio::time::Instant::now() + limit));
        let outcome = tokio::time::timeout(limit, within(limit, work)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(RotationError::TimedOut(started.elapsed())));
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(step) = subject.step.get() {
            let now = (rotation.now)().as_millisecond();
            metric(now, "StepDuration", Unit::Milliseconds, duration_ms, &[("Step", step)], &[]);
        }
        let outlived = async {
            if let Some(outlived) = subject.outlived.get() {
                tell(rotation, outlived, &subject, &context).await;
            }
        };
        match outcome {
            Ok(answer) => {
                outlived.await;
                tracing::info!(
                    secret.arn = subject.secret.get(),
                    rotation.step = subject.step.get(),
                    duration_ms,
                    "done"
                );
                Ok(answer)
            }
            // Its caller decides whom to notify.
            Err(error) if rotation.config.actions == Actions::Inspect => {
                log(&error, &subject);
                Err(diagnostic(error.kind(), &error))
            }
            Err(error) => {
                if let Some(broker) = subject.broker.get().filter(|_| is_out_of_reach(error.kind())) {
                    rotation.amazon_mq.forget(broker);
                }
                // Side by side: the time that is kept back is for one.
                tokio::join!(outlived, tell(rotation, &error, &subject, &context));
                Err(diagnostic(error.kind(), &error))
            }
        }
    }
    .instrument(span)
    .await
}

async fn run(
    rotation: &Rotation,
    payload: &Value,
    subject: &Subject,
    context: &Context,
    deadline: tokio::time::Instant,
) -> Result<Value, RotationError> {
    // What a bad event says of its subject is in its notice.
    let hints = event::hints(payload);
    for (known, hint) in [(&subject.secret, hints.secret_id), (&subject.version, hints.version_id)] {
        if let Some(text) = hint {
            let _ = known.set(text.to_owned());
        }
    }
    match event::parse(payload, rotation.config.actions)? {
        Event::RevokePrevious(event) => {
            let _ = subject.step.set("revokePrevious");
            asked_for("revokePrevious", event.by.as_deref(), event.reason.as_deref(), subject);
            let revoked = revoke_previous::revoke_previous(rotation, &event, subject, deadline).await?;
            Ok(json!(revoked))
        }
        Event::Adopt(event) => {
            let _ = subject.step.set("adopt");
            asked_for("adopt", Some(&event.by), Some(&event.reason), subject);
            Ok(json!(adopt::adopt(rotation, &event, subject).await?))
        }
        Event::Inspect(request) => inspect::answer(rotation, &request, subject, deadline).await,
        Event::Step(event) => {
            let _ = subject.step.set(event.step.as_str());
            run_step(rotation, &event, subject, context).await?;
            Ok(Value::Null)
        }
    }
}

/// Who asked for an action, and why, as they say. It is logged even if the action fails, and is part of the notice.
fn asked_for(action: &str, by: Option<&str>, reason: Option<&str>, subject: &Subject) {
    let _ = subject.asked.set(format!(
        "asked for by {}, reason: {}",
        by.unwrap_or("somebody unnamed"),
        reason.unwrap_or("none given")
    ));
    tracing::warn!(
        secret.arn = subject.secret.get(),
        secret.version = subject.version.get(),
        incident.by = by,
        incident.reason = reason,
        "{action} was asked for"
    );
}

async fn run_step(
    rotation: &Rotation,
    event: &StepEvent,
    subject: &Subject,
    context: &Context,
) -> Result<(), RotationError> {
    let step = Step { rotation, event, subject };
    match event.step {
        StepName::CreateSecret => create_secret::create_secret(step).await,
        StepName::SetSecret => set_secret::set_secret(step).await,
        StepName::TestSecret => test_secret::test_secret(step).await,
        StepName::FinishSecret => {
            if let Finished::WithoutDelivery(error) = finish_secret::finish_secret(step).await? {
                tell(rotation, &error, subject, context).await;
            }
            Ok(())
        }
    }
}

/// Logs a failure and publishes its notice. A notice that cannot be published is at least in the log.
async fn tell(rotation: &Rotation, error: &RotationError, subject: &Subject, context: &Context) {
    let causes = causes(error);
    let kind = error.kind();
    let broker = subject.broker.get().filter(|_| is_out_of_reach(kind));
    let condition = match broker {
        Some(broker) => rotation.amazon_mq.condition(broker).await,
        None => None,
    };
    log(error, subject);
    let notice = FailureNotice {
        test_only: subject.is_test_only(),
        step: subject.step.get().map(|&step| step.to_owned()),
        secret_arn: subject.secret.get().cloned(),
        version_id: subject.version.get().cloned(),
        broker: subject.broker.get().cloned(),
        user: subject.user.get().cloned(),
        function: context.env_config.function_name.clone(),
        request_id: context.request_id.clone(),
        occurred_at: (rotation.now)().to_string(),
        ..FailureNotice::new(kind, &message(kind, error, subject, condition.as_deref()), &causes)
    };
    if let Err(unpublished) = rotation.dead_letter.publish_notice(&notice).await {
        tracing::error!(kind = kind.as_str(), "the notice could not be published: {unpublished}");
    }
}

fn log(error: &RotationError, subject: &Subject) {
    tracing::error!(
        secret.arn = subject.secret.get(),
        secret.version = subject.version.get(),
        rotation.step = subject.step.get(),
        broker.user = subject.user.get(),
        kind = error.kind().as_str(),
        causes = causes(error).join(": "),
        "{error}"
    );
}

/// Publishes a notice that the configuration is wrong. A function that does not start cannot report it later, when it is
/// called.
pub async fn notify_of_wrong_configuration(environment: &Environment, error: &ConfigError, now: Timestamp) {
    let Ok(topic) = dead_letter_topic(environment) else { return };
    let notice = FailureNotice {
        function: environment.text("AWS_LAMBDA_FUNCTION_NAME", ""),
        occurred_at: now.to_string(),
        ..FailureNotice::new(Kind::ConfigurationInvalid, &error.to_string(), &[])
    };
    let topic = Topic::new(&aws_sdk(NOTICE_TIMEOUT).await, topic, NOTICE_TIMEOUT);
    if let Err(unpublished) = topic.publish_notice(&notice).await {
        tracing::error!("the notice could not be published: {unpublished}");
    }
}

/// Whether the broker did not answer as a broker does. It may have other endpoints, or a fault that Amazon MQ knows.
#[must_use]
pub fn is_out_of_reach(kind: Kind) -> bool {
    matches!(kind, Kind::BrokerUnreachable | Kind::BrokerTlsRefused | Kind::BrokerUnexpectedAnswer)
}

fn message(kind: Kind, error: &RotationError, subject: &Subject, condition: Option<&str>) -> String {
    let what = if kind == Kind::ConnectionsOutlived {
        "reports"
    } else if subject.is_test_only() {
        "the test before the first rotation failed"
    } else {
        "failed"
    };
    let asked = subject.asked.get().map(|asked| format!("; {asked}")).unwrap_or_default();
    let state =
        condition.map(|state| format!("; Amazon MQ's state of the broker: {state}")).unwrap_or_default();
    match subject.step.get() {
        Some(step) => format!("{step} {what} ({kind}): {error}{state}{asked}"),
        None => format!("{kind}: {error}"),
    }
}

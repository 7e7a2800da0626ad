//! One event, within its time. A failure is reported once: to the log, and to Lambda, whose on-failure destination passes it
//! on.

use std::time::{Duration, Instant};

use contract::Kind;
use lambda_boundary::{ConfigError, Unit, causes, diagnostic, metric, time_left, within};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::Delivery;
use crate::deliver::deliver;
use crate::error::DeliveryError;
use crate::event::{self, Event};
use crate::follow::follow;
use crate::look::look;
use crate::outcome::Outcome;
use crate::reconcile::reconcile;

/// Time that is kept back to report a failure before Lambda's own timeout.
const RESERVE: Duration = Duration::from_secs(2);

/// Handles one event.
///
/// # Errors
/// The failure's kind as `errorType`.
pub async fn handle(delivery: &Delivery, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let span = tracing::info_span!("invocation", request_id = context.request_id);
    async {
        let began = Instant::now();
        let limit = time_left(context.deadline, (delivery.now)().as_millisecond(), RESERVE);
        // On the heap: the future of a whole delivery is large.
        let until = began + limit.saturating_sub(delivery.config.call_timeout);
        let run = Box::pin(within(limit, run(delivery, &payload, &context, until)));
        let outcome = tokio::time::timeout(limit, run).await;
        outcome
            .unwrap_or_else(|_| Err(DeliveryError::TimedOut(began.elapsed())))
            .map_err(|error| tell(delivery, &error))
    }
    .instrument(span)
    .await
}

/// Answers an event if the configuration is wrong. A function that ends at its start could report the reason only to its
/// log.
///
/// # Errors
/// Always: `configuration.invalid`.
pub fn refuse(error: &ConfigError) -> Result<Value, Diagnostic> {
    Err(diagnostic(Kind::ConfigurationInvalid, error))
}

/// A reconcile begins nothing new after `until`.
async fn run(
    delivery: &Delivery,
    payload: &Value,
    context: &Context,
    until: Instant,
) -> Result<Value, DeliveryError> {
    let outcome = match event::parse(payload)? {
        Event::Changed(change) => match deliver(delivery, &change, &context.request_id).await {
            // Lambda would repeat a failure, and report it only minutes later. A repetition cannot make the version log in.
            Err(DeliveryError::HeldBack(held)) => {
                let outcome = Outcome::held_back(&held);
                tell(delivery, &DeliveryError::HeldBack(held));
                outcome
            }
            other => other?,
        },
        Event::Life(life) => follow(delivery, &life, &context.request_id).await?,
        Event::Reconcile(order) => reconcile(delivery, &order, until).await?,
        Event::Look(secrets) => return Ok(json!(look(delivery, secrets).await?)),
        Event::Nothing(reason) => Outcome::NotForKubernetes { reason },
    };
    Ok(json!(outcome))
}

fn tell(delivery: &Delivery, error: &DeliveryError) -> Diagnostic {
    let kind = error.kind();
    tracing::error!(kind = kind.as_str(), causes = causes(error).join(": "), "{error}");
    let kinds = [("Function", "secret2eks"), ("Kind", kind.as_str())];
    metric((delivery.now)().as_millisecond(), "Failures", Unit::Count, 1, &kinds, &[]);
    diagnostic(kind, error)
}

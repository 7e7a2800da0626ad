//! The function for incidents, which acts on the broker.

use std::time::Duration;

use contract::Foreign;
use serde_json::{Value, json};

use crate::aws::lambda::Answer;
use crate::context::Context;
use crate::inspector::failed_as;
use crate::outcome::Result;

/// The schemas of the actions permit so many characters.
const BY_LIMIT: usize = 256;

/// Asks the function for an action on a secret. It gets who asks, from STS, and why.
pub async fn act(context: &Context, action: &str, arn: &str, reason: &str, more: &Value) -> Result<Value> {
    let function = context.output("IncidentFunctionName")?;
    let by = Foreign::new(&context.caller().await?.arn).attribute(BY_LIMIT);
    let mut event = json!({"Action": action, "SecretId": arn, "By": by, "Reason": reason});
    for (field, value) in more.as_object().into_iter().flatten() {
        event[field] = value.clone();
    }
    match context.lambda.ask(function, &event, limit(context)).await? {
        Answer::Done(value) => Ok(value),
        Answer::Failed { kind, message } => Err(failed_as(&kind, &message)),
    }
}

/// The function's own time limit, and some seconds for its start.
fn limit(context: &Context) -> Duration {
    let timeout =
        context.stack_or_error().ok().and_then(|stack| stack.parameter("TimeoutSeconds")?.parse().ok());
    Duration::from_secs(timeout.unwrap_or(900) + 15)
}

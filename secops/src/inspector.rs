//! Asks the function `inspect`, which reaches the broker and only looks.

use std::time::Duration;

use contract::{InspectRequest, Inspection, LoginCheck};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::aws::lambda::Answer;
use crate::context::Context;
use crate::outcome::{Problem, Result};
use crate::playbooks::hint;
use crate::screen::text::foreign;

/// The function ends within a minute.
const LIMIT: Duration = Duration::from_secs(70);
/// A check of one login takes less than 15 s, and a cold start some seconds.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);

/// Whether the stack has the function. Stacks before version 0.3 do not have it.
#[must_use]
pub fn is_available(context: &Context) -> bool {
    context.stack_or_error().is_ok_and(|stack| stack.output("InspectFunctionName").is_some())
}

/// Everything of one secret.
pub async fn look(context: &Context, arn: &str) -> Result<Inspection> {
    ask(context, &InspectRequest::Inspect { secret_id: arn.to_owned() }, LIMIT).await
}

/// Whether a version logs in.
pub async fn check_login(context: &Context, arn: &str, version: &str) -> Result<LoginCheck> {
    let request = InspectRequest::CheckLogin { secret_id: arn.to_owned(), version_id: version.to_owned() };
    ask(context, &request, LOGIN_LIMIT).await
}

async fn ask<T: DeserializeOwned>(context: &Context, request: &InspectRequest, limit: Duration) -> Result<T> {
    let function = context.output("InspectFunctionName")?;
    match context.lambda.ask(function, &json!(request), limit).await? {
        Answer::Done(value) => serde_json::from_value(value).map_err(|_| {
            Problem::failed(format!("the answer of {function} has another form; is it of another version?"))
        }),
        Answer::Failed { kind, message } => Err(failed_as(&kind, &message)),
    }
}

/// A failure that a function reports.
pub fn failed_as(kind: &str, message: &str) -> anyhow::Error {
    Problem::failed(format!("{}: {}; what to do: {}", foreign(kind), foreign(message), hint(kind)))
}

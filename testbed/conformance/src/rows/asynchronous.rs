//! Rows A: asynchronous invocation.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::probe::FAILS;
use crate::secret::token;
use crate::target::Target;
use crate::verdict::{Verdict, confirmed, holds, observed, same};

/// A failed event.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn a1(target: &Target) -> Result<Verdict> {
    let event = json!({"id": token(), "mark": FAILS});
    target.probe()?.send(&event).await?;
    let is_ours = |body: &Value| body.pointer("/requestPayload") == Some(&event);
    let record = target.message("FailuresUrl", is_ours).await?;
    let at = |path: &str| record.pointer(path).unwrap_or(&Value::Null);
    same("version", at("/version"), &json!("1.0"))?;
    same("condition", at("/requestContext/condition"), &json!("RetriesExhausted"))?;
    same("approximateInvokeCount", at("/requestContext/approximateInvokeCount"), &json!(2))?;
    same("functionError", at("/responseContext/functionError"), &json!("Unhandled"))?;
    same("errorType", at("/responsePayload/errorType"), &json!("Probe.Asked"))?;
    for field in ["/timestamp", "/requestContext/requestId", "/requestContext/functionArn"] {
        holds(at(field).is_string(), || format!("the record has no {field}"))?;
    }
    target.message("DeadLettersUrl", |body| *body == event).await.context("the dead-letter queue")?;
    let name = target.probe()?.output("AsynchronousName")?;
    let seen = target.probe()?.invocations(name).await?;
    same("the invocations", &seen.iter().filter(|one| one.payload == event).count(), &2)?;
    confirmed()
}

/// A success.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn a2(target: &Target) -> Result<Verdict> {
    let event = json!({"id": token()});
    target.probe()?.send(&event).await?;
    let is_ours = |body: &Value| body.pointer("/requestPayload") == Some(&event);
    let record = target.message("SuccessesUrl", is_ours).await?;
    let at = |path: &str| record.pointer(path).unwrap_or(&Value::Null);
    same("condition", at("/requestContext/condition"), &json!("Success"))?;
    same("responsePayload", at("/responsePayload"), &json!({}))?;
    confirmed()
}

/// EventBridge and SNS.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn a3(target: &Target) -> Result<Verdict> {
    let (probe, id) = (target.probe()?, format!("{FAILS} {}", token()));
    probe.put_event(&format!("{}-asked", target.run.prefix()), &json!({"id": id})).await?;
    let topic = probe.output("TopicArn")?;
    target.cli()?.call(&["sns", "publish", "--topic-arn", topic, "--message", &id]).await?;
    for (sender, path) in
        [("EventBridge", "/requestPayload/detail/id"), ("SNS", "/requestPayload/Records/0/Sns/Message")]
    {
        let is_ours = |body: &Value| body.pointer(path) == Some(&json!(id));
        let record = target.message("FailuresUrl", is_ours).await.with_context(|| sender.to_owned())?;
        let count = record.pointer("/requestContext/approximateInvokeCount").unwrap_or(&Value::Null);
        same(&format!("the attempts of an event of {sender}"), count, &json!(2))?;
    }
    confirmed()
}

/// Dead letters that are moved back.
///
/// # Errors
/// When the row is contradicted or cannot be asked.
pub async fn a5(target: &Target) -> Result<Verdict> {
    let probe = target.probe()?;
    let (source, dead) = (probe.output("RedriveUrl")?, probe.output("RedriveDeadUrl")?);
    let queues = &probe.queues;
    queues.send_message().queue_url(source).message_body("kept").send().await?;
    let received = async |url: &str| -> Result<Option<String>> {
        let receive = queues.receive_message().queue_url(url).visibility_timeout(0);
        let received = receive.send().await?.messages.unwrap_or_default();
        Ok(received.into_iter().next().and_then(|message| message.body))
    };
    target.eventually("the message", || received(source)).await?;
    // The second receive moves it to the dead-letter queue.
    target
        .eventually("the message in the dead-letter queue", async || {
            received(source).await?;
            received(dead).await
        })
        .await?;
    queues.start_message_move_task().source_arn(probe.output("RedriveDeadArn")?).send().await?;
    let back = target.eventually("the message back in its queue", || received(source)).await?;
    holds(back == "kept", || "another message came back".to_owned())?;
    observed("its receive count started again")
}

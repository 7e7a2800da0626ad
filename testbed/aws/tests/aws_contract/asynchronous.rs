//! Rows A: asynchronous invocation.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use crate::support::{Shared, assert_refused, cli, entries, eventually, fail, shared, token, unique};

/// The tests of this file share one function and its script.
static SCRIPT: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_failed_event_is_tried_again_then_reported_and_kept() -> Result<()> {
    let shared = shared().await?;
    let _one_at_a_time = SCRIPT.lock().await;
    script(shared, &json!({"event": [fail()]}))?;
    let event = json!({"id": token()});
    invoke(shared, &event).await?;

    let record = message(shared, "FailuresUrl", |body| body.get("requestPayload") == Some(&event)).await?;
    assert_eq!(record.pointer("/version"), Some(&json!("1.0")));
    assert_eq!(record.pointer("/requestContext/condition"), Some(&json!("RetriesExhausted")));
    assert_eq!(record.pointer("/requestContext/approximateInvokeCount"), Some(&json!(2)));
    assert_eq!(record.pointer("/responseContext/functionError"), Some(&json!("Unhandled")));
    assert_eq!(record.pointer("/responsePayload/errorType"), Some(&json!("Probe.Asked")));
    for field in ["/timestamp", "/requestContext/requestId", "/requestContext/functionArn"] {
        assert!(record.pointer(field).is_some_and(Value::is_string), "{field}");
    }
    message(shared, "DeadLettersUrl", |body| *body == event).await?;
    assert_eq!(seen(shared, &event)?, 2, "MaximumRetryAttempts is 1");
    Ok(())
}

#[tokio::test]
async fn a_success_is_reported() -> Result<()> {
    let shared = shared().await?;
    let _one_at_a_time = SCRIPT.lock().await;
    script(shared, &json!({}))?;
    let event = json!({"id": token()});
    invoke(shared, &event).await?;
    let record = message(shared, "SuccessesUrl", |body| body.get("requestPayload") == Some(&event)).await?;
    assert_eq!(record.pointer("/requestContext/condition"), Some(&json!("Success")));
    assert_eq!(record.pointer("/responsePayload"), Some(&json!({})));
    Ok(())
}

#[tokio::test]
async fn eventbridge_and_sns_invoke_asynchronously() -> Result<()> {
    let shared = shared().await?;
    let _one_at_a_time = SCRIPT.lock().await;
    script(shared, &json!({"event": [fail()]}))?;
    let id = token();
    let detail = json!({"id": id}).to_string();
    let entry = json!([{"Source": "contract-test", "DetailType": "asked", "Detail": detail}]).to_string();
    cli(shared, &["events", "put-events", "--entries", &entry]).await?;
    let topic = shared.stack.output("TopicArn")?;
    cli(shared, &["sns", "publish", "--topic-arn", topic, "--message", &id]).await?;

    let from_bus = |body: &Value| body.pointer("/requestPayload/detail/id") == Some(&json!(id));
    message(shared, "FailuresUrl", from_bus).await?;
    let from_topic = |body: &Value| body.pointer("/requestPayload/Records/0/Sns/Message") == Some(&json!(id));
    message(shared, "FailuresUrl", from_topic).await?;
    Ok(())
}

#[tokio::test]
async fn events_that_have_not_ended_are_counted() -> Result<()> {
    let shared = shared().await?;
    let _one_at_a_time = SCRIPT.lock().await;
    script(shared, &json!({"event": [fail()]}))?;
    let name = shared.stack.output("AsynchronousName")?;
    shared.aws.wait_for_events(name, Duration::from_secs(20)).await?;
    let event = json!({"id": token()});
    invoke(shared, &event).await?;
    assert_eq!(shared.aws.events_under_way(name).await?, 1, "it will be tried again");
    shared.aws.wait_for_events(name, Duration::from_secs(20)).await?;
    assert_eq!(seen(shared, &event)?, 2);
    Ok(())
}

#[tokio::test]
async fn a_queue_and_a_function_are_quiet_when_neither_has_anything_left() -> Result<()> {
    let shared = shared().await?;
    let _one_at_a_time = SCRIPT.lock().await;
    let (name, limit) = (shared.stack.output("AsynchronousName")?, Duration::from_secs(20));
    let queues = aws_sdk_sqs::Client::new(&shared.aws.sdk_config().await);
    let made = queues.create_queue().queue_name("quiet").send().await?;
    let url = made.queue_url.context("no URL")?;
    assert!(shared.aws.becomes_quiet(name, &[&url], limit).await?);

    script(shared, &json!({"event": [fail()]}))?;
    invoke(shared, &json!({"id": token()})).await?;
    assert!(shared.aws.becomes_quiet(name, &[&url], limit).await?);
    assert_eq!(shared.aws.events_under_way(name).await?, 0, "it has been tried again");

    queues.send_message().queue_url(&url).message_body("one").send().await?;
    let short = Duration::from_millis(300);
    assert!(!shared.aws.becomes_quiet(name, &[&url], short).await?, "there is a message");
    let batch = queues.receive_message().queue_url(&url).send().await?.messages.unwrap_or_default();
    assert!(!shared.aws.becomes_quiet(name, &[&url], short).await?, "it is away for now");
    let handle = batch.into_iter().next().and_then(|message| message.receipt_handle);
    queues.delete_message().queue_url(&url).set_receipt_handle(handle).send().await?;
    assert!(shared.aws.becomes_quiet(name, &[&url], limit).await?);
    Ok(())
}

#[tokio::test]
async fn all_that_a_function_prints_is_kept() -> Result<()> {
    let shared = shared().await?;
    let _one_at_a_time = SCRIPT.lock().await;
    let text = token();
    script(shared, &json!({"event": [{"do": "print", "text": text}]}))?;
    invoke(shared, &json!({"id": token()})).await?;
    let name = shared.stack.output("AsynchronousName")?;
    eventually("the line", async || {
        let lines = shared.aws.function_log(name)?;
        Ok(lines.iter().any(|line| line.contains(&text)).then_some(()))
    })
    .await
}

fn script(shared: &Shared, script: &Value) -> Result<()> {
    let name = shared.stack.output("AsynchronousName")?;
    Ok(std::fs::write(shared.probe_folder.join(format!("{name}.json")), script.to_string())?)
}

async fn invoke(shared: &Shared, event: &Value) -> Result<()> {
    let client = aws_sdk_lambda::Client::new(&shared.aws.sdk_config().await);
    let invoke = client.invoke().function_name(shared.stack.output("AsynchronousName")?);
    let invoke = invoke.invocation_type(InvocationType::Event).payload(Blob::new(event.to_string()));
    let answer = invoke.send().await?;
    assert_eq!(answer.status_code, 202);
    Ok(())
}

fn seen(shared: &Shared, event: &Value) -> Result<usize> {
    Ok(entries(shared)?.iter().filter(|entry| entry.get("event") == Some(event)).count())
}

#[tokio::test]
async fn dead_letters_are_given_back_to_their_queue() -> Result<()> {
    let shared = shared().await?;
    let client = aws_sdk_sqs::Client::new(&shared.aws.sdk_config().await);
    let name = unique("redrive").replace('/', "-");
    let arn_of = QueueAttributeName::QueueArn;
    let dead = client.create_queue().queue_name(format!("{name}-dead")).send().await?;
    let dead = dead.queue_url.context("no URL")?;
    let asked = client.get_queue_attributes().queue_url(&dead).attribute_names(arn_of.clone());
    let attributes = asked.send().await?.attributes.unwrap_or_default();
    let arn = attributes.get(&arn_of).context("no ARN")?;
    let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 1}).to_string();
    let source =
        client.create_queue().queue_name(&name).attributes(QueueAttributeName::RedrivePolicy, policy);
    let source = source.send().await?.queue_url.context("no URL")?;
    client.send_message().queue_url(&source).message_body("kept").send().await?;
    let receive = |url: &str| client.receive_message().queue_url(url).visibility_timeout(0).send();
    assert_eq!(receive(&source).await?.messages().len(), 1);
    assert_eq!(receive(&source).await?.messages().len(), 0, "received once too often");
    client.start_message_move_task().source_arn(arn).send().await?;
    assert_eq!(receive(&dead).await?.messages().len(), 0);
    let back = receive(&source).await?;
    assert_eq!(back.messages().first().and_then(|message| message.body()), Some("kept"));
    let nothing = client.start_message_move_task().source_arn("arn:aws:sqs:us-east-1:000000000000:none");
    assert_refused(nothing.send().await, "ResourceNotFoundException").map(drop)
}

async fn message(shared: &Shared, queue: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    eventually(queue, async || Ok(bodies(shared, queue).await?.into_iter().find(|body| wanted(body)))).await
}

/// The bodies of all messages that the queue has received. The other tests see received messages too.
pub async fn bodies(shared: &Shared, queue: &str) -> Result<Vec<Value>> {
    static SEEN: Mutex<Vec<(String, Value)>> = Mutex::new(Vec::new());
    let client = aws_sdk_sqs::Client::new(&shared.aws.sdk_config().await);
    let url = shared.stack.output(queue)?;
    let received = client.receive_message().queue_url(url).max_number_of_messages(10).send().await?;
    let mut new = Vec::new();
    for message in received.messages() {
        new.push((queue.to_owned(), serde_json::from_str(message.body().context("no body")?)?));
        let handle = message.receipt_handle().context("no handle")?;
        client.delete_message().queue_url(url).receipt_handle(handle).send().await?;
    }
    let mut seen = SEEN.lock().map_err(|_| anyhow::anyhow!("another test failed"))?;
    seen.extend(new);
    Ok(seen.iter().filter(|(of, _)| of == queue).map(|(_, body)| body.clone()).collect())
}

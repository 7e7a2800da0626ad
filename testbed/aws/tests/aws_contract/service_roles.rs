//! Rows I13 and I14: the roles with which AWS services act.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::{Value, json};

use crate::support::{Shared, cli, fail, shared, token, unique};

/// Longer than an asynchronous event takes with all its attempts.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_record_arrives_only_if_the_functions_role_may_send_it() -> Result<()> {
    let shared = shared().await?;
    let name = shared.stack.output("RecordsName")?;
    let (successes, failures) =
        (Queue::of(shared, "RecordsOfSuccessUrl")?, Queue::of(shared, "RecordsOfFailureUrl")?);
    let event = json!({"id": token()});
    send(shared, name, &event).await?;
    let record = successes.next(shared).await?.context("no record of the success")?;
    assert_eq!(record["requestPayload"], event);

    let script = json!({"event": [fail()]}).to_string();
    std::fs::write(shared.probe_folder.join(format!("{name}.json")), script)?;
    send(shared, name, &json!({"id": token()})).await?;
    assert_eq!(failures.next(shared).await?, None);
    let role = shared.stack.output("RecordsRoleName")?;
    put_policy(shared, role, shared.stack.output("RecordsOfFailureArn")?).await?;
    let event = json!({"id": token()});
    send(shared, name, &event).await?;
    let record = failures.next(shared).await?.context("no record of the failure")?;
    assert_eq!(record["requestPayload"], event);
    Ok(())
}

#[tokio::test]
async fn a_schedule_calls_its_target_only_with_a_role_that_trusts_it_and_may() -> Result<()> {
    let shared = shared().await?;
    let own = unique("schedule").replace('/', "-");
    let (account, region) = (shared.aws.account(), shared.aws.region());
    let (inbox, queue_arn) = (queue(shared, &own).await?, format!("arn:aws:sqs:{region}:{account}:{own}"));
    let group = format!("arn:aws:scheduler:{region}:{account}:schedule-group/{own}");
    let of = |account: &str, group: &str| json!({"StringEquals": {"aws:SourceAccount": account}, "ArnEquals": {"aws:SourceArn": group}});
    cli(shared, &["scheduler", "create-schedule-group", "--name", &own]).await?;
    let cases = [
        ("other-service", trust("events.amazonaws.com", &json!({})), true, false),
        ("other-account", trust("scheduler.amazonaws.com", &of("111122223333", &group)), true, false),
        ("other-group", trust("scheduler.amazonaws.com", &of(account, &format!("{group}-2"))), true, false),
        ("may-not", trust("scheduler.amazonaws.com", &of(account, &group)), false, false),
        ("may", trust("scheduler.amazonaws.com", &of(account, &group)), true, true),
    ];
    for (name, trust, may, expected) in cases {
        let role_name = format!("{own}-{name}");
        let role = role(shared, &role_name, &trust).await?;
        if may {
            put_policy(shared, &role_name, &queue_arn).await?;
        }
        let input = json!({"schedule": name}).to_string();
        let target = json!({"Arn": queue_arn, "RoleArn": role, "Input": input}).to_string();
        let create = ["scheduler", "create-schedule", "--group-name", &own, "--name", name];
        let when = ["--schedule-expression", "rate(1 day)", "--flexible-time-window", r#"{"Mode":"OFF"}"#];
        cli(shared, &[&create[..], &when, &["--target", &target]].concat()).await?;
        assert_eq!(shared.aws.run_schedule(&own, name).await?, expected, "{name}");
    }
    // The allowed call comes last. A message of another one would be there before it.
    assert_eq!(inbox.next(shared).await?, Some(json!({"schedule": "may"})));
    assert_eq!(inbox.next(shared).await?, None);
    Ok(())
}

struct Queue {
    url: String,
}

impl Queue {
    fn of(shared: &'static Shared, output: &str) -> Result<Self> {
        Ok(Self { url: shared.stack.output(output)?.to_owned() })
    }

    async fn next(&self, shared: &'static Shared) -> Result<Option<Value>> {
        let client = aws_sdk_sqs::Client::new(&shared.aws.sdk_config().await);
        let received = client.receive_message().queue_url(&self.url).send().await?;
        let Some(message) = received.messages.unwrap_or_default().into_iter().next() else { return Ok(None) };
        let handle = message.receipt_handle.context("no handle")?;
        client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
        Ok(Some(serde_json::from_str(message.body.as_deref().unwrap_or_default())?))
    }
}

async fn queue(shared: &'static Shared, name: &str) -> Result<Queue> {
    let client = aws_sdk_sqs::Client::new(&shared.aws.sdk_config().await);
    let created = client.create_queue().queue_name(name).send().await?;
    Ok(Queue { url: created.queue_url.context("no URL")? })
}

fn trust(service: &str, condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": condition,
    }]})
}

async fn role(shared: &'static Shared, name: &str, trust: &Value) -> Result<String> {
    let trust = trust.to_string();
    let create = ["iam", "create-role", "--role-name", name, "--assume-role-policy-document", &trust];
    let created = cli(shared, &create).await?;
    created["Role"]["Arn"].as_str().map(str::to_owned).context("no ARN")
}

/// The role may send messages to the queue.
async fn put_policy(shared: &'static Shared, role: &str, queue: &str) -> Result<()> {
    let statement = json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let put = ["iam", "put-role-policy", "--role-name", role, "--policy-name", "sends"];
    cli(shared, &[&put[..], &["--policy-document", &document]].concat()).await.map(drop)
}

/// Invokes the function asynchronously, and waits until the record was sent or dropped.
async fn send(shared: &'static Shared, function: &str, event: &Value) -> Result<()> {
    let client = aws_sdk_lambda::Client::new(&shared.aws.sdk_config().await);
    let invoke = client.invoke().function_name(function).invocation_type(InvocationType::Event);
    invoke.payload(Blob::new(event.to_string())).send().await?;
    shared.aws.wait_for_events(function, LIMIT).await
}

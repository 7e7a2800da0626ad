//! Rows I8 to I10: policies of secrets, queues and topics.

use anyhow::{Context as _, Result};
use aws_sdk_secretsmanager::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use crate::support::{Secret, Shared, assert_refused, cli, eventually, shared, unique};

#[tokio::test]
async fn a_session_is_its_role_to_a_secrets_policy() -> Result<()> {
    let secret = Secret::new().await?;
    let own = unique("owner").replace('/', "-");
    let (owner, role) = session(secret.shared, &own).await?;
    let (other, _) = session(secret.shared, &format!("{own}-other")).await?;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": role}},
    }]});
    let put = secret.client.put_resource_policy().secret_id(&secret.arn);
    put.resource_policy(policy.to_string()).send().await?;
    owner.get_secret_value().secret_id(&secret.arn).send().await?;
    let read = other.get_secret_value().secret_id(&secret.arn).send().await;
    assert_refused(read, "AccessDeniedException").map(drop)
}

#[tokio::test]
async fn a_rule_reaches_the_queue_and_the_topic_that_name_it() -> Result<()> {
    let shared = shared().await?;
    let own = unique("rule").replace('/', "-");
    let (account, region) = (shared.aws.account(), shared.aws.region());
    let rule = |number: usize| format!("arn:aws:events:{region}:{account}:rule/{own}-{number}");
    let condition = json!({"ArnEquals": {"aws:SourceArn": rule(0)}});
    let inboxes = [
        queue(shared, &own, &only("events.amazonaws.com", "sqs:SendMessage", &condition)).await?,
        topic(shared, &own, &only("events.amazonaws.com", "sns:Publish", &condition)).await?,
    ];
    // The allowed sender comes last. A message of another sender would arrive before its message.
    for number in [2, 1, 0] {
        let name = format!("{own}-{number}");
        let pattern = json!({"source": [own]}).to_string();
        cli(shared, &["events", "put-rule", "--name", &name, "--event-pattern", &pattern]).await?;
        let input = json!({"rule": number}).to_string();
        let target = |id: &str, inbox: &Inbox| json!({"Id": id, "Arn": inbox.target, "Input": input});
        let [queue, topic] = &inboxes;
        let targets = json!([target("queue", queue), target("topic", topic)]).to_string();
        cli(shared, &["events", "put-targets", "--rule", &name, "--targets", &targets]).await?;
    }
    let entry = json!([{"Source": own, "DetailType": "t", "Detail": "{}"}]).to_string();
    cli(shared, &["events", "put-events", "--entries", &entry]).await?;
    for inbox in &inboxes {
        assert_eq!(inbox.first(shared).await?, json!({"rule": 0}));
        assert_eq!(inbox.next(shared).await?, None);
    }
    Ok(())
}

#[tokio::test]
async fn an_alarm_reaches_the_topic_that_names_it() -> Result<()> {
    let shared = shared().await?;
    let own = unique("alarm").replace('/', "-");
    let (account, region) = (shared.aws.account(), shared.aws.region());
    let named = format!("arn:aws:cloudwatch:{region}:{account}:alarm:{own}-named*");
    let condition = json!({
        "ArnLike": {"aws:SourceArn": named}, "StringEquals": {"aws:SourceAccount": account},
    });
    let inbox = topic(shared, &own, &only("cloudwatch.amazonaws.com", "sns:Publish", &condition)).await?;
    for name in [format!("{own}-other"), format!("{own}-named")] {
        let metric = ["--namespace", "n", "--metric-name", "m", "--statistic", "Sum", "--period", "60"];
        let limit = ["--evaluation-periods", "1", "--threshold", "1", "--comparison-operator"];
        let actions = ["GreaterThanThreshold", "--alarm-name", &name, "--alarm-actions", &inbox.target];
        let put = ["cloudwatch", "put-metric-alarm"];
        cli(shared, &[&put[..], &metric, &limit, &actions].concat()).await?;
        let state = ["--state-value", "ALARM", "--state-reason", "tried"];
        let set = ["cloudwatch", "set-alarm-state", "--alarm-name", &name];
        cli(shared, &[&set[..], &state].concat()).await?;
    }
    assert_eq!(inbox.first(shared).await?["AlarmName"], json!(format!("{own}-named")));
    assert_eq!(inbox.next(shared).await?, None);
    Ok(())
}

/// Secrets Manager as a session of a new role that may read any secret, and the role's ARN.
async fn session(shared: &'static Shared, name: &str) -> Result<(Client, String)> {
    let account = shared.aws.account();
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "sts:AssumeRole",
    }]})
    .to_string();
    let create = ["iam", "create-role", "--role-name", name, "--path", "/people/"];
    let role = cli(shared, &[&create[..], &["--assume-role-policy-document", &trust]].concat()).await?;
    let role = role["Role"]["Arn"].as_str().context("no ARN")?.to_owned();
    let reads = json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [reads]}).to_string();
    let put = ["iam", "put-role-policy", "--role-name", name, "--policy-name", "p", "--policy-document"];
    cli(shared, &[&put[..], &[&policy]].concat()).await?;
    let assume = ["sts", "assume-role", "--role-session-name", "session", "--role-arn", &role];
    let session = cli(shared, &assume).await?;
    let text = |field: &str| session["Credentials"][field].as_str().with_context(|| field.to_owned());
    let (key, secret, token) = (text("AccessKeyId")?, text("SecretAccessKey")?, text("SessionToken")?);
    let config = shared.aws.sdk_config_as(key, secret, Some(token)).await;
    Ok((Client::new(&config), role))
}

/// A target, and the queue in which its messages arrive.
struct Inbox {
    target: String,
    url: String,
}

impl Inbox {
    async fn next(&self, shared: &'static Shared) -> Result<Option<Value>> {
        let queue = aws_sdk_sqs::Client::new(&shared.aws.sdk_config().await);
        let received = queue.receive_message().queue_url(&self.url).send().await?;
        let Some(message) = received.messages.unwrap_or_default().into_iter().next() else { return Ok(None) };
        let handle = message.receipt_handle.context("no handle")?;
        queue.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
        Ok(Some(serde_json::from_str(message.body.as_deref().unwrap_or_default())?))
    }

    async fn first(&self, shared: &'static Shared) -> Result<Value> {
        eventually("the message", || self.next(shared)).await
    }
}

fn only(service: &str, action: &str, condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": "*",
        "Condition": condition,
    }]})
}

async fn queue(shared: &'static Shared, name: &str, policy: &Value) -> Result<Inbox> {
    let queue = aws_sdk_sqs::Client::new(&shared.aws.sdk_config().await);
    let create = queue.create_queue().queue_name(name);
    let created = create.attributes(QueueAttributeName::Policy, policy.to_string()).send().await?;
    let target = format!("arn:aws:sqs:{}:{}:{name}", shared.aws.region(), shared.aws.account());
    Ok(Inbox { target, url: created.queue_url.context("no URL")? })
}

async fn topic(shared: &'static Shared, name: &str, policy: &Value) -> Result<Inbox> {
    let from_sns = only("sns.amazonaws.com", "sqs:SendMessage", &json!({}));
    let inbox = queue(shared, &format!("{name}-of-topic"), &from_sns).await?;
    let attributes = json!({"Policy": policy.to_string()}).to_string();
    let created = cli(shared, &["sns", "create-topic", "--name", name, "--attributes", &attributes]).await?;
    let target = created["TopicArn"].as_str().context("no ARN")?.to_owned();
    let subscribe = ["sns", "subscribe", "--topic-arn", &target, "--protocol", "sqs"];
    let to = ["--notification-endpoint", &inbox.target, "--attributes", "RawMessageDelivery=true"];
    cli(shared, &[&subscribe[..], &to].concat()).await?;
    Ok(Inbox { target, url: inbox.url })
}

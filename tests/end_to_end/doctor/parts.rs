//! Parts of the stack and of the account that somebody has switched off or removed.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::setup::SetUp;
use crate::support::run_cli;

/// Everything at once, because no part hides another one.
pub async fn each_broken_part_of_the_stack_is_named(setup: &SetUp) -> Result<()> {
    let repairs = break_all(setup).await?;
    let seen = setup.doctor(&[]).await?;
    let watch = setup.variant.stack.output("WatchFunctionName")?;
    seen.names_only(&[
        ("trail.logging", "", "is stopped"),
        ("rules.enabled", "RotationOutcome", "DISABLED"),
        ("schedules.enabled", "DailyLook", "DISABLED"),
        ("functions.readers", "HandlerReadsTheOwnQueue", "Disabled"),
        ("functions.state", watch, "reserved concurrency is 0"),
        ("functions.invocable", "", "may not invoke"),
        ("queues.waiting", "UnhandledQueue", "1 messages that no function reads"),
        ("alerts.subscribed", "AlertTopicArn", "nobody is subscribed"),
        ("alerts.subscribed", "AlarmTopicArn", "nobody is subscribed"),
        ("notices.subscribed", "", "does not send to DeadLetterQueue"),
        ("keys.stack", "", "Disabled"),
        ("keys.stack_policy", "sns.amazonaws.com", "may not use the key"),
        ("keys.secrets", "", "Disabled"),
    ])?;
    for repair in &repairs {
        let repair: Vec<&str> = repair.iter().map(String::as_str).collect();
        run_cli(setup.cloud, &repair).await?;
    }
    setup.cloud.queue_of(&setup.variant, "UnhandledQueueUrl").await?.purge().await?;
    setup.cloud.alerts_of(&setup.variant).await?;
    the_trail_must_record_what_changes_something(setup).await
}

/// Returns the commands that repair it.
async fn break_all(setup: &SetUp) -> Result<Vec<Vec<String>>> {
    let cloud = setup.cloud;
    let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (rule, schedule) = (setup.resource("RotationOutcome")?, setup.resource("DailyLook")?);
    let mapping = setup.resource("HandlerReadsTheOwnQueue")?;
    let (watch, rotation) = (setup.variant.stack.output("WatchFunctionName")?, &setup.variant.function);
    let group = setup.resource("Schedules")?;
    let stack_key = setup.resource("Key")?;
    let mut repairs = Vec::new();

    run_cli(cloud, &["cloudtrail", "stop-logging", "--name", "doctor"]).await?;
    repairs.push(words(&["cloudtrail", "start-logging", "--name", "doctor"]));

    run_cli(cloud, &["events", "disable-rule", "--name", rule]).await?;
    repairs.push(words(&["events", "enable-rule", "--name", rule]));

    let get = ["scheduler", "get-schedule", "--group-name", group, "--name", schedule];
    let found = run_cli(cloud, &get).await?;
    let put = |state: &str| {
        let target = found["Target"].to_string();
        let expression = found["ScheduleExpression"].as_str().unwrap_or_default().to_owned();
        let update =
            ["scheduler", "update-schedule", "--group-name", group, "--name", schedule, "--state", state];
        let mut line = words(&update);
        line.extend(words(&["--flexible-time-window", r#"{"Mode":"OFF"}"#, "--schedule-expression"]));
        line.extend([expression, "--target".to_owned(), target]);
        line
    };
    let disable = put("DISABLED");
    run_cli(cloud, &disable.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    repairs.push(put("ENABLED"));

    let update = ["lambda", "update-event-source-mapping", "--uuid", mapping];
    run_cli(cloud, &[&update[..], &["--no-enabled"]].concat()).await?;
    repairs.push(words(&[&update[..], &["--enabled"]].concat()));

    let concurrency = ["--function-name", watch, "--reserved-concurrent-executions", "0"];
    run_cli(cloud, &[&["lambda", "put-function-concurrency"], &concurrency[..]].concat()).await?;
    repairs.push(words(&["lambda", "delete-function-concurrency", "--function-name", watch]));

    let policy = run_cli(cloud, &["lambda", "get-policy", "--function-name", rotation]).await?;
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().context("no policy")?)?;
    let statement = policy["Statement"][0]["Sid"].as_str().context("no statement")?;
    let remove = ["lambda", "remove-permission", "--function-name", rotation, "--statement-id", statement];
    run_cli(cloud, &remove).await?;
    let add = ["lambda", "add-permission", "--function-name", rotation, "--statement-id", statement];
    let who = ["--action", "lambda:InvokeFunction", "--principal", "secretsmanager.amazonaws.com"];
    repairs.push(words(&[&add[..], &who, &["--source-account", cloud.aws.account()]].concat()));

    cloud.queue_of(&setup.variant, "UnhandledQueueUrl").await?.send(&["{}".to_owned()]).await?;

    unsubscribe_all(setup, "AlertTopicArn").await?;
    unsubscribe_all(setup, "DeadLetterTopicArn").await?;
    let (topic, queue) = (
        setup.variant.stack.output("DeadLetterTopicArn")?,
        setup.variant.stack.output("DeadLetterQueueArn")?,
    );
    let subscribe =
        ["sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", queue];
    repairs.push(words(&[&subscribe[..], &["--attributes", "RawMessageDelivery=true"]].concat()));

    let put = ["kms", "put-key-policy", "--key-id", stack_key, "--policy-name", "default", "--policy"];
    let found =
        run_cli(cloud, &["kms", "get-key-policy", "--key-id", stack_key, "--policy-name", "default"]).await?;
    let whole: Value = serde_json::from_str(found["Policy"].as_str().context("no policy")?)?;
    let without = whole.to_string().replace("sns.amazonaws.com", "ses.amazonaws.com");
    run_cli(cloud, &[&put[..], &[&without]].concat()).await?;
    repairs.push(words(&[&put[..], &[&whole.to_string()]].concat()));

    for key in [stack_key, setup.key.as_str()] {
        run_cli(cloud, &["kms", "disable-key", "--key-id", key]).await?;
        repairs.push(words(&["kms", "enable-key", "--key-id", key]));
    }
    Ok(repairs)
}

async fn unsubscribe_all(setup: &SetUp, output: &str) -> Result<()> {
    let topic = setup.variant.stack.output(output)?;
    let listed = run_cli(setup.cloud, &["sns", "list-subscriptions-by-topic", "--topic-arn", topic]).await?;
    for one in listed["Subscriptions"].as_array().into_iter().flatten() {
        let arn = one["SubscriptionArn"].as_str().context("no ARN")?;
        run_cli(setup.cloud, &["sns", "unsubscribe", "--subscription-arn", arn]).await?;
    }
    Ok(())
}

async fn the_trail_must_record_what_changes_something(setup: &SetUp) -> Result<()> {
    let select = async |kind: &str, management: bool| {
        let selectors =
            json!([{"ReadWriteType": kind, "IncludeManagementEvents": management, "DataResources": []}]);
        let put = ["cloudtrail", "put-event-selectors", "--trail-name", "doctor", "--event-selectors"];
        run_cli(setup.cloud, &[&put[..], &[&selectors.to_string()]].concat()).await
    };
    select("All", false).await?;
    let seen = setup.doctor(&[]).await;
    select("All", true).await?;
    seen?.names_only(&[("trail.logging", "", "does not record management events")])
}

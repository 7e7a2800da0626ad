//! A person closes an incident.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::schema::valid;

use super::{Watch, close, kinds, read, reader};
use crate::actors::actor::{Actor, allow};
use crate::failure_path::types;
use crate::support::run_cli;

#[test]
fn secops_closes_an_incident_with_a_reason_and_the_next_read_is_another_one() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "closed", &name("store"), &[]).await?;
        let stack = &watch.path.variant.stack;
        let (secret, arn) = watch.secret(cloud).await?;
        let stranger = reader(cloud, "stranger").await?;
        read(&stranger, &secret).await?;
        watch.path.alerts.wait_for(&arn, 1).await?;

        // Who may send to the queue may close incidents, and nobody else, and nothing else.
        let queue = stack.output("CloseQueueArn")?;
        let secops = Actor::with(cloud, "secops", &[allow(&["sqs:SendMessage"], &[queue])]).await?;
        let request = close(&arn, "the audit of November");
        valid("close-event", &request)?;
        let request = request.to_string();
        let send = |url: String| -> [String; 6] {
            let words = ["sqs", "send-message", "--queue-url", &url, "--message-body", &request];
            words.map(str::to_owned)
        };
        let arguments = send(stack.output("CloseQueueUrl")?.to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        stranger.cli(&arguments).await?.denied("a stranger closes it")?;
        let elsewhere = send(stack.output("OwnQueueUrl")?.to_owned());
        let elsewhere: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
        secops.cli(&elsewhere).await?.denied("SecOps sends a command")?;
        secops.cli(&arguments).await?.allowed("SecOps closes it")?;

        let alerts = watch.path.alerts.wait_for(&arn, 2).await?;
        ensure!(types(&alerts) == ["incident.opened", "incident.closed"], "{alerts:#?}");
        let closed = alerts[1].to_string();
        ensure!(closed.contains("the audit of November") && closed.contains("SecOps/ada"), "{closed}");
        let events = watch.path.alerts.wait_for_events(&arn, 2).await?;
        ensure!(events.iter().any(|event| event["detail"]["state"] == "closed"), "{events:#?}");

        read(&stranger, &secret).await?;
        let alerts = watch.path.alerts.wait_for(&arn, 3).await?;
        ensure!(types(&alerts)[2] == "incident.opened", "{alerts:#?}");
        Ok(())
    })
}

#[test]
fn a_request_to_close_that_comes_another_way_is_reported_and_closes_nothing() -> Result<()> {
    on_the_cloud(async |cloud| {
        let watch = Watch::deploy(cloud, "forged-close", &name("store"), &[]).await?;
        let (secret, arn) = watch.secret(cloud).await?;
        read(&reader(cloud, "stranger").await?, &secret).await?;
        watch.path.alerts.wait_for(&arn, 1).await?;
        let forged = close(&arn, "nothing happened").to_string();
        let topic = watch.path.variant.stack.output("DeadLetterTopicArn")?;
        run_cli(cloud, &["sns", "publish", "--topic-arn", topic, "--message", &forged]).await?;
        watch.path.own.send(&[forged]).await?;
        let is_untrusted = |alert: &serde_json::Value| alert.to_string().contains("message.untrusted");
        watch.path.alerts.wait_until(1, is_untrusted).await?;
        let alerts = watch.told(&arn).await?;
        ensure!(kinds(&alerts) == ["access.unknown_reader"], "{alerts:#?}");
        Ok(())
    })
}

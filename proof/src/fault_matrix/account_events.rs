//! Events that other systems of the account receive from its event bus.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_eventbridge::types::Target;
use serde_json::{Value, json};
use testbed::cloud::{Cloud, Inbox, workspace};

const SCHEMA: &str = "contract/schemas/failure-notice.json";

/// The events about the secrets of one stand on the account's event bus: Secrets Manager's `RotationFailed` and the
/// handler's incidents. It also contains the closed set of kinds.
#[derive(Debug)]
pub struct AccountEvents {
    failures: Inbox,
    incidents: Inbox,
    kinds: BTreeSet<String>,
}

impl AccountEvents {
    /// Creates queues and rules for the stand `name`. The names of its secrets begin with that name and a slash.
    ///
    /// # Errors
    /// When the emulator refuses, or the schema cannot be read.
    pub async fn watch(cloud: &Cloud, name: &str) -> Result<Self> {
        let (region, account) = (cloud.aws.region(), cloud.aws.account());
        let own = json!([{"prefix": format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}/")}]);
        let failures = json!({"source": ["aws.secretsmanager"],
            "detail-type": ["AWS Service Event via CloudTrail"],
            "detail": {"eventName": ["RotationFailed"], "$or": [
                {"additionalEventData": {"SecretId": own}}, {"serviceEventDetails": {"secretId": own}}]}});
        let failures = on_the_bus(cloud, &format!("{name}-rotation-failed"), &failures).await?;
        let incidents = json!({"source": ["secret-rotation"], "detail": {"subject": own}});
        let incidents = on_the_bus(cloud, &format!("{name}-incidents"), &incidents).await?;
        let schema = std::fs::read(workspace().join(SCHEMA)).context(SCHEMA)?;
        let schema: Value = serde_json::from_slice(&schema)?;
        let kinds = schema["properties"]["kind"]["enum"].as_array().into_iter().flatten();
        let kinds: BTreeSet<String> = kinds.filter_map(|kind| kind.as_str().map(str::to_owned)).collect();
        ensure!(!kinds.is_empty(), "{SCHEMA} names no kinds");
        Ok(Self { failures, incidents, kinds })
    }

    /// The number of failed rotations of a secret that Secrets Manager has reported.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn failures_of(&self, secret: &str) -> Result<usize> {
        let mut count = 0;
        let look = |event: &Value| {
            let detail = &event["detail"];
            let forms =
                [&detail["additionalEventData"]["SecretId"], &detail["serviceEventDetails"]["secretId"]];
            count += usize::from(forms.contains(&&json!(secret)));
            Ok(())
        };
        self.failures.each(look).await?;
        Ok(count)
    }

    /// Passes the incident events of a secret, as a SIEM receives them, to `look`.
    ///
    /// # Errors
    /// When the queue cannot be read, or `look` fails.
    pub async fn each_incident(
        &self,
        secret: &str,
        mut look: impl FnMut(&Value) -> Result<()>,
    ) -> Result<()> {
        let of_it = |event: &Value| match &event["detail"] {
            detail if detail["subject"] == secret => look(detail),
            _ => Ok(()),
        };
        self.incidents.each(of_it).await
    }

    /// Whether the contract contains this kind.
    #[must_use]
    pub fn knows(&self, kind: &str) -> bool {
        self.kinds.contains(kind)
    }
}

async fn on_the_bus(cloud: &Cloud, name: &str, pattern: &Value) -> Result<Inbox> {
    let config = cloud.aws.sdk_config().await;
    let inbox = Inbox::new(&config, name).await?;
    let bus = aws_sdk_eventbridge::Client::new(&config);
    bus.put_rule().name(name).event_pattern(pattern.to_string()).send().await.context("no rule")?;
    let target = Target::builder().id("queue").arn(inbox.arn().await?).build()?;
    bus.put_targets().rule(name).targets(target).send().await.context("no target")?;
    Ok(inbox)
}

//! Whether a failure was told: by a notice with a kind, by Lambda's record of a failed event, or, for a process that was
//! killed, by Secrets Manager's own event.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_sdk_eventbridge::types::Target;
use serde_json::{Value, json};

use super::attempt::End;
use super::stand::{Account, Stand};
use crate::cloud::{Cloud, Inbox, workspace};

/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
const GIVEN_UP: &str = "RetriesExhausted";
/// Three attempts of a delivery come before.
const TOLD: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);
/// The notice of a rotation whose delivery could not be asked for.
pub const REQUEST_FAILED: &str = "delivery.request_failed";
const SCHEMA: &str = "contract/schemas/failure-notice.json";

/// What an account's other systems see on its event bus of the secrets of one stand: Secrets Manager's `RotationFailed` and
/// the handler's incidents. And the closed set of kinds.
#[derive(Debug)]
pub struct AccountEvents {
    failures: Inbox,
    incidents: Inbox,
    kinds: BTreeSet<String>,
}

impl AccountEvents {
    /// Makes queues and rules for the stand `name`, whose secrets' names begin with that and a slash.
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

    /// How many rotations of a secret Secrets Manager has told to have failed.
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

    /// Looks at what a SIEM was told of incidents of a secret.
    ///
    /// # Errors
    /// When the queue cannot be read, and those of `look`.
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

    /// Whether it is a kind of the contract.
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

/// What has been told of a secret so far.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The function's notices and Lambda's records, in the order in which they arrived.
    messages: Vec<Value>,
    rotation_failed: usize,
}

impl Told {
    fn since(&self, before: &Self) -> impl Iterator<Item = &Value> {
        self.messages.iter().skip(before.messages.len())
    }
}

/// The `errorType` of Lambda's record of a failed event.
fn recorded(message: &Value) -> &Value {
    &message["responsePayload"]["errorType"]
}

impl Stand<'_> {
    /// What has been told up to now; Secrets Manager's own events only when the function may be `mute`.
    ///
    /// # Errors
    /// When a queue cannot be read.
    pub async fn told(&self, account: &Account, mute: bool) -> Result<Told> {
        let secret = account.secret.as_str();
        let about = |message: &Value| {
            message["secretArn"] == secret || message["requestPayload"]["secretArn"] == secret
        };
        let rotation_failed = if mute { self.events.failures_of(secret).await? } else { 0 };
        Ok(Told { messages: self.notices.matching(about).await?, rotation_failed })
    }

    /// Waits until Lambda has recorded, after `before`, that a delivery failed at every attempt.
    ///
    /// # Errors
    /// When it does not.
    pub async fn a_delivery_is_given_up(&self, account: &Account, before: &Told) -> Result<()> {
        let began = Instant::now();
        let given_up = |message: &Value| message["requestContext"]["condition"] == GIVEN_UP;
        while !self.told(account, false).await?.since(before).any(given_up) {
            ensure!(began.elapsed() < TOLD, "no delivery was given up within {TOLD:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// A failed attempt was told with a kind of the contract; or by Secrets Manager, when the function had no chance to:
    /// its process was killed, or its notice was the call that failed.
    ///
    /// # Errors
    /// When it was not.
    pub async fn was_told(&self, account: &Account, end: &End, before: &Told, mute: bool) -> Result<()> {
        if *end == End::Converged {
            return Ok(());
        }
        let now = self.told(account, mute).await?;
        let new: Vec<&Value> = now.since(before).collect();
        match end {
            End::Failed { kind } => {
                let noticed = new.iter().any(|message| message["kind"] == kind.as_str());
                let by_aws = mute && now.rotation_failed > before.rotation_failed;
                ensure!(noticed && self.events.knows(kind) || by_aws, "nothing says {kind}: {new:?}");
            }
            End::Undelivered | End::Converged => {
                let is_kind = |kind: &str| mute || self.events.knows(kind);
                let named = |message: &Value| {
                    message["kind"] == REQUEST_FAILED || recorded(message).as_str().is_some_and(is_kind)
                };
                ensure!(new.iter().any(|message| named(message)), "no record has a kind: {new:?}");
            }
        }
        Ok(())
    }
}

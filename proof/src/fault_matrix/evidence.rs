//! Checks that a failure was reported: by a notice with a kind, by Lambda's record of a failed event or, for a killed
//! process, by Secrets Manager's own event.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::end::End;
use super::stand::{Account, Stand};

/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
const GIVEN_UP: &str = "RetriesExhausted";
/// Three attempts of a delivery run before the record.
const TOLD: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);
/// The notice of a rotation that could not request its delivery.
pub const REQUEST_FAILED: &str = "delivery.request_failed";

/// The reports about a secret so far.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The function's notices and Lambda's records, in the order of their arrival.
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
    /// The reports up to now. They contain Secrets Manager's own events only if the function may be `mute`.
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
    /// When it has not.
    pub async fn a_delivery_is_given_up(&self, account: &Account, before: &Told) -> Result<()> {
        let began = Instant::now();
        let given_up = |message: &Value| message["requestContext"]["condition"] == GIVEN_UP;
        while !self.told(account, false).await?.since(before).any(given_up) {
            ensure!(began.elapsed() < TOLD, "no delivery was given up within {TOLD:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Checks that a failed attempt was reported with a kind of the contract. If the function's process was killed, or its
    /// notice was the call that failed, a report by Secrets Manager is sufficient.
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

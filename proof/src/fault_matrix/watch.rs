//! What the cluster holds logs in at every moment, not only when an attempt is over: what a reset breaks, the next delivery
//! mends.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::kubernetes::secret_with;

use super::stand::{Account, NAMESPACE, Stand};

/// Between a reset and the next delivery lie two steps at least, which take some hundred milliseconds. Only a write to the
/// broker resets, so it is looked so often after one,
const LOOK: Duration = Duration::from_millis(100);
/// for so long,
const AFTER_A_WRITE: u32 = 5;
/// and every so many times otherwise: a look costs the API server, the broker and the proof a TLS connection each.
const SELDOM: u32 = 10;
const UNAUTHORIZED: u16 = 401;

impl Stand<'_> {
    /// Does `work`, and looks meanwhile whether what the cluster holds logs in.
    ///
    /// # Errors
    /// Those of `work`, or that it did not log in.
    pub async fn watched<T>(&self, account: &Account, work: impl Future<Output = Result<T>>) -> Result<T> {
        let watch = async {
            let (mut writes, mut idle) = (self.broker_writes(), 0);
            loop {
                tokio::time::sleep(LOOK).await;
                let now = self.broker_writes();
                idle = if now == writes { idle + 1 } else { 0 };
                writes = now;
                let is_due = idle < AFTER_A_WRITE || idle % SELDOM == 0;
                if is_due && let Err(broken) = self.what_is_held_logs_in(account).await {
                    return broken;
                }
            }
        };
        tokio::select! {
            done = work => done,
            broken = watch => Err(broken),
        }
    }

    /// What the cluster holds, with the keys of a value.
    ///
    /// # Errors
    /// When it holds nothing.
    pub async fn held(&self, account: &Account) -> Result<Value> {
        let held = secret_with(self.cluster.clone(), NAMESPACE, &account.object).await?;
        Ok(json!(held.context("the cluster holds no Secret")?))
    }

    async fn what_is_held_logs_in(&self, account: &Account) -> Result<()> {
        let held = self.held(account).await?;
        if self.login_is_accepted(&held).await? {
            return Ok(());
        }
        // Another delivery may have come between the two looks, and then the old password is nobody's.
        ensure!(self.held(account).await? != held, "what the cluster holds did not log in during an attempt");
        Ok(())
    }

    /// By the management API, which is quicker than AMQPS and tells a wrong password from a missing tag.
    async fn login_is_accepted(&self, value: &Value) -> Result<bool> {
        let text = |key: &str| value[key].as_str().with_context(|| format!("the cluster holds no {key}"));
        let user = self.broker.as_user(text("username")?, text("password")?);
        let answer = user.call(Method::GET, &["whoami"], None).await?;
        match (answer.status, answer.body["error"].as_str()) {
            (200, _) | (UNAUTHORIZED, Some("not_authorised")) => Ok(true),
            (UNAUTHORIZED, Some("not_authorized")) => Ok(false),
            _ => bail!("whoami answered {answer:?}"),
        }
    }
}

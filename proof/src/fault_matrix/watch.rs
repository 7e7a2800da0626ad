//! Checks that the credentials in the cluster log in at every moment, not only after an attempt. Otherwise, a later
//! delivery could hide that a password reset had broken them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::kubernetes::secret_with;

use super::stand::{Account, NAMESPACE, Stand};

/// The pause between two checks after a write to the broker, because only a write resets a password. At least two steps
/// run between a reset and the next delivery. They take some hundred milliseconds.
const LOOK: Duration = Duration::from_millis(100);
/// The number of pauses for which every one is followed by a check after a write.
const AFTER_A_WRITE: u32 = 5;
/// The number of pauses between two checks otherwise. A check needs TLS connections to the API server and the broker.
const SELDOM: u32 = 10;
const UNAUTHORIZED: u16 = 401;

impl Stand<'_> {
    /// Runs `work`, and meanwhile checks that the credentials in the cluster log in.
    ///
    /// # Errors
    /// When `work` fails, or the credentials did not log in.
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

    /// The credentials in the cluster, with the keys of a value.
    ///
    /// # Errors
    /// When the cluster contains none.
    pub async fn held(&self, account: &Account) -> Result<Value> {
        let held = secret_with(self.cluster.clone(), NAMESPACE, &account.object).await?;
        Ok(json!(held.context("the cluster holds no Secret")?))
    }

    async fn what_is_held_logs_in(&self, account: &Account) -> Result<()> {
        let held = self.held(account).await?;
        if self.login_is_accepted(&held).await? {
            return Ok(());
        }
        // Another delivery may have replaced the old password between the two checks. Then it need not work.
        ensure!(
            self.held(account).await? != held,
            "the credentials in the cluster did not log in during an attempt"
        );
        Ok(())
    }

    /// Logs in to the management API, which is quicker than AMQPS and distinguishes a wrong password from a missing tag.
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

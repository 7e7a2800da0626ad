//! Calls of the launcher's own endpoints (`testbed/aws/launcher/control.py`).

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Aws;

/// A step may take as long as a function may, 15 minutes. Nothing else takes long.
pub(super) const LIMIT: Duration = Duration::from_mins(16);
const READY_LIMIT: Duration = Duration::from_secs(2);

impl Aws {
    pub(super) async fn post(&self, call: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/_testbed/{call}", self.endpoint);
        answer(client()?.post(url).timeout(LIMIT).json(body)).await
    }

    /// Runs a schedule of EventBridge Scheduler now. Returns whether its role allowed the call of the target.
    ///
    /// # Errors
    /// When there is no such schedule.
    pub async fn run_schedule(&self, group: &str, name: &str) -> Result<bool> {
        let answer = self.post("schedule", &serde_json::json!({"group": group, "name": name})).await?;
        answer.get("allowed").and_then(Value::as_bool).context("the emulator returned neither true nor false")
    }
}

pub(super) async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    let response = request.send().await.context("the AWS emulator does not answer")?;
    let status = response.status();
    let answer: Value = response.json().await.context("the answer of the AWS emulator is not JSON")?;
    if !status.is_success() {
        bail!(
            "the AWS emulator refused the call: {}",
            answer.get("message").and_then(Value::as_str).unwrap_or("?")
        );
    }
    Ok(answer)
}

/// A client for the control endpoint. It keeps no connection: each test has its own runtime, and a connection closes
/// with the runtime that opened it. It is created once, because this takes longer than a call. The client requires a
/// TLS provider, although it never uses TLS.
pub(super) fn client() -> Result<reqwest::Client> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let tls = sandbox::certificates::client_without_roots()?;
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    let client = client.tls_backend_preconfigured(tls).build()?;
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// Whether the launcher answers and has installed its patches.
pub(super) fn is_ready(http: &reqwest::Client, endpoint: &str) -> impl Future<Output = bool> + use<> {
    answers(http, &format!("{endpoint}/_testbed/ready"))
}

/// Whether a GET succeeds now.
pub(super) fn answers(http: &reqwest::Client, url: &str) -> impl Future<Output = bool> + use<> {
    let request = http.get(url).timeout(READY_LIMIT).send();
    async move { request.await.is_ok_and(|response| response.status().is_success()) }
}

//! How to reach the launcher's own endpoints (`testbed/aws/launcher/control.py`).

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Aws;

/// One step may take as long as a function at most, 15 minutes; nothing else takes long.
const LIMIT: Duration = Duration::from_mins(16);
const READY_LIMIT: Duration = Duration::from_secs(2);

impl Aws {
    pub(super) async fn post(&self, call: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/_testbed/{call}", self.endpoint);
        answer(client()?.post(url).timeout(LIMIT).json(body)).await
    }
}

pub(super) async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    let response = request.send().await.context("the AWS emulator does not answer")?;
    let status = response.status();
    let answer: Value = response.json().await.context("the AWS emulator answered no JSON")?;
    if !status.is_success() {
        bail!("the AWS emulator refused: {}", answer.get("message").and_then(Value::as_str).unwrap_or("?"));
    }
    Ok(answer)
}

/// A client for the control endpoint. It keeps no connection: tests share an emulator from runtimes of their own, and a
/// connection dies with the runtime that opened it. Made once, because that costs more than a call. TLS is never spoken, but
/// the client insists on a provider.
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

/// Whether the launcher answers with its patches in place.
pub(super) fn is_ready(http: &reqwest::Client, endpoint: &str) -> impl Future<Output = bool> + use<> {
    let request = http.get(format!("{endpoint}/_testbed/ready")).timeout(READY_LIMIT).send();
    async move { request.await.is_ok_and(|response| response.status().is_success()) }
}

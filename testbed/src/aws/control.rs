//! How to reach the launcher's own endpoints (`testbed/aws/launcher/control.py`).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Aws;

/// One step may take as long as a function at most, 15 minutes; nothing else takes long.
const LIMIT: Duration = Duration::from_mins(16);
const READY_LIMIT: Duration = Duration::from_secs(2);

impl Aws {
    pub(super) async fn post(&self, call: &str, body: &Value) -> Result<Value> {
        answer(client(LIMIT)?.post(format!("{}/_testbed/{call}", self.endpoint)).json(body)).await
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

/// A client for the control endpoint, for one call: tests share an emulator from runtimes of their own, and a
/// connection dies with the runtime that opened it. TLS is never spoken, but the client insists on a provider.
pub(super) fn client(limit: Duration) -> Result<reqwest::Client> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder().no_proxy().timeout(limit).tls_backend_preconfigured(tls).build()?)
}

/// Whether the launcher answers with its patches in place.
pub(super) fn is_ready(http: &reqwest::Client, endpoint: &str) -> impl Future<Output = bool> + use<> {
    let request = http.get(format!("{endpoint}/_testbed/ready")).timeout(READY_LIMIT).send();
    async move { request.await.is_ok_and(|response| response.status().is_success()) }
}

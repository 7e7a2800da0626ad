//! Clients of the API server.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::config::AuthInfo;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sandbox::certificates::client_config;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(10);

pub(super) fn with_token(endpoint: &str, ca_pem: &Path, token: &str) -> Result<Client> {
    let mut config = Config::new(endpoint.parse().context("the endpoint is no URL")?);
    let certificates = CertificateDer::pem_file_iter(ca_pem).with_context(|| ca_pem.display().to_string())?;
    let certificates = certificates.map(|certificate| Ok(certificate?.to_vec())).collect::<Result<_>>()?;
    config.root_cert = Some(certificates);
    config.auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
    // A test that expects a refusal or a stopped server must see the error.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// The answer to GET for a path of the API that is not an object.
pub(super) async fn get(ca_pem: &Path, url: &str, token: &str) -> Result<Value> {
    let answer = plain(ca_pem)?.get(url).bearer_auth(token).send().await?.error_for_status()?;
    answer.json().await.with_context(|| url.to_owned())
}

/// An HTTP client that trusts the API server's authority.
pub(super) fn plain(ca_pem: &Path) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder().tls_backend_preconfigured(client_config(ca_pem)?);
    Ok(builder.timeout(LIMIT).pool_max_idle_per_host(0).no_proxy().build()?)
}

pub(super) async fn is_ready(http: &reqwest::Client, url: &str) -> bool {
    http.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
}

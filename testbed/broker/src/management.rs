//! The tests' own client of the broker's management API. Tests check the product through it, and never through the
//! product's client. Paths and bodies follow the API's reference (`/api/index.html` of a node).

mod users;
mod view;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, Method};
use sandbox::certificates::client_config;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(10);
/// Shorter than the time for which the broker keeps an idle connection.
const KEPT: Duration = Duration::from_secs(5);

/// A client of the management API with one user's credentials.
#[derive(Clone)]
pub struct Management {
    client: Client,
    url: String,
    user: String,
    password: String,
    keeps_connections: bool,
}

/// The API's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body: JSON, a string if it is not JSON, or null without a body.
    pub body: Value,
}

impl Management {
    /// A client for the API below `url` (`https://localhost:15671`) that trusts only `ca_pem`.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn new(url: &str, ca_pem: &Path, user: &str, password: &str) -> Result<Self> {
        // A pooled connection belongs to the runtime that opened it, and each test has its own runtime.
        Self::with_pool(url, ca_pem, user, password, 0)
    }

    /// As [`Management::new`], but it keeps up to `connections` open, for many calls in one runtime.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn with_pool(
        url: &str,
        ca_pem: &Path,
        user: &str,
        password: &str,
        connections: usize,
    ) -> Result<Self> {
        let client = Client::builder()
            .tls_backend_preconfigured(client_config(ca_pem)?)
            .timeout(LIMIT)
            .pool_max_idle_per_host(connections)
            .pool_idle_timeout(KEPT)
            .no_proxy()
            .build()?;
        let (url, user, password) = (url.to_owned(), user.to_owned(), password.to_owned());
        Ok(Self { client, url, user, password, keeps_connections: connections > 0 })
    }

    /// The same API as another user.
    #[must_use]
    pub fn as_user(&self, user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned(), ..self.clone() }
    }

    /// Makes one call. `path` contains the segments after `/api` without encoding; this function encodes them.
    ///
    /// # Errors
    /// When there is no answer. An answer with any status is not an error.
    pub async fn call(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Answer> {
        let path: String = path.iter().map(|segment| format!("/{}", percent_encoded(segment))).collect();
        let what = format!("{method} /api{path}");
        let mut request = self.client.request(method, format!("{}/api{path}", self.url));
        request = request.basic_auth(&self.user, Some(&self.password));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = match (request.try_clone(), request.send().await) {
            // The broker may have closed a kept connection. Every call may be repeated.
            (Some(again), Err(error))
                if self.keeps_connections && error.is_request() && !error.is_timeout() =>
            {
                again.send().await
            }
            (_, answer) => answer,
        };
        let answer = answer.with_context(|| what.clone())?;
        let status = answer.status().as_u16();
        let text = answer.text().await.with_context(|| what)?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Ok(Answer { status, body })
    }

    /// The broker's version.
    ///
    /// # Errors
    /// When the API does not answer, or refuses this user.
    pub async fn version(&self) -> Result<String> {
        let overview = self.read(&["overview"]).await?;
        Ok(overview["rabbitmq_version"].as_str().context("the overview contains no version")?.to_owned())
    }

    async fn list(&self, path: &[&str]) -> Result<Vec<Value>> {
        match self.read(path).await? {
            Value::Array(items) => Ok(items),
            other => bail!("the answer of GET {path:?} is not a list: {other}"),
        }
    }

    async fn read(&self, path: &[&str]) -> Result<Value> {
        let answer = self.call(Method::GET, path, None).await?;
        if answer.status == 200 { Ok(answer.body) } else { bail!("GET {path:?} answered {answer:?}") }
    }

    async fn write(&self, path: &[&str], body: &Value) -> Result<()> {
        let answer = self.call(Method::PUT, path, Some(body)).await?;
        if matches!(answer.status, 201 | 204) { Ok(()) } else { bail!("PUT {path:?} answered {answer:?}") }
    }

    async fn delete(&self, path: &[&str]) -> Result<()> {
        let answer = self.call(Method::DELETE, path, None).await?;
        if matches!(answer.status, 204 | 404) { Ok(()) } else { bail!("DELETE {path:?} answered {answer:?}") }
    }
}

impl std::fmt::Debug for Management {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password.
        formatter
            .debug_struct("Management")
            .field("url", &self.url)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// `text` as one segment of a URI. All characters except the unreserved ones of RFC 3986 section 2.3 are encoded.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

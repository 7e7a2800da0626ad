//! Sends one request: its limits, its one retry, and what its answer means.

use std::time::Duration;

use lambda_boundary::Backoff;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use super::ManagementApi;
use super::error::{ApiError, Failure, cause_of};
use crate::grants::is_unnameable;

const RETRY: Backoff = Backoff::every(Duration::from_millis(200), 1);
/// Far more than the grants of one user need.
const ANSWER_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// The longest code that an error quotes. RabbitMQ's longest has 20.
const CODE_BYTES: usize = 40;

/// One request. `path` follows `/api/`, and each segment is encoded.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a Value>,
}

impl<'a> Request<'a> {
    pub(super) fn of(method: Method, path: &'a [&'a str]) -> Self {
        Self { method, path, query: &[], body: None }
    }
}

impl ManagementApi<'_> {
    /// Sends a request, and sends it once more after a transport error, 429 or 5xx. All requests are idempotent.
    pub(super) async fn send(self, request: Request<'_>) -> Result<Vec<u8>, ApiError> {
        if request.path.iter().copied().any(is_unnameable) {
            return Err(self.error(&request.method, request.path, Failure::Unnameable));
        }
        let attempt = async || {
            let answer = tokio::time::timeout(self.client.timeout / 2, self.attempt(&request)).await;
            answer.unwrap_or(Err(Failure::NoAnswer))
        };
        let attempts = RETRY.run(attempt, |answer| answer.as_ref().is_err_and(Failure::is_worth_a_retry));
        tokio::time::timeout(self.client.timeout, attempts)
            .await
            .unwrap_or(Err(Failure::NoAnswer))
            .map_err(|failure| self.error(&request.method, request.path, failure))
    }

    async fn attempt(self, request: &Request<'_>) -> Result<Vec<u8>, Failure> {
        let mut url = Url::parse(self.url).map_err(|_| Failure::NoAnswer)?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("api").extend(request.path);
        }
        let mut sent = self.client.http.request(request.method.clone(), url).query(request.query);
        sent = sent.basic_auth(self.user, Some(self.password.expose()));
        if let Some(body) = request.body {
            sent = sent.json(body);
        }
        if request.method == Method::DELETE && request.path.first() == Some(&"connections") {
            // The text that the client sees.
            sent = sent.header("X-Reason", "credentials rotated");
        }
        let mut answer = sent.send().await.map_err(|error| cause_of(&error))?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| cause_of(&error))? {
            if bytes.len() + chunk.len() > ANSWER_LIMIT_BYTES {
                return Err(Failure::UnexpectedAnswer { status: status.as_u16() });
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() { Ok(bytes) } else { Err(failure_of(status, &bytes)) }
    }

    pub(super) fn error(self, method: &Method, path: &[&str], failure: Failure) -> ApiError {
        let failure = match failure {
            Failure::LoginRefused(_) => Failure::LoginRefused(self.password.blemish()),
            other => other,
        };
        ApiError {
            request: format!("{method} /api/{}", path.join("/")),
            url: self.url.to_owned(),
            user: self.user.to_owned(),
            timeout: self.client.timeout,
            failure,
        }
    }
}

fn failure_of(status: StatusCode, body: &[u8]) -> Failure {
    let code = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|body| body.get("error").and_then(Value::as_str).map(str::to_owned));
    match (status, code.as_deref()) {
        (StatusCode::UNAUTHORIZED, Some("not_authorized")) => Failure::LoginRefused(None),
        (StatusCode::UNAUTHORIZED, Some("not_authorised")) => Failure::NotAdministrator,
        (StatusCode::NOT_FOUND, Some(_)) => Failure::NotFound,
        (status, code) if status.is_server_error() || code.is_some() => {
            Failure::Status { status: status.as_u16(), code: shown_code(code).to_owned() }
        }
        (status, _) => Failure::UnexpectedAnswer { status: status.as_u16() },
    }
}

/// RabbitMQ's codes are words such as `bad_request`. Anything else is not quoted: who answers may repeat the request there,
/// with its login, or write a text of any length.
fn shown_code(code: Option<&str>) -> &str {
    let is_word = |code: &str| {
        (1..=CODE_BYTES).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_lowercase() || b"_ ".contains(&byte))
    };
    match code {
        None => "no code",
        Some(code) if is_word(code) => code,
        Some(_) => "an unknown code",
    }
}

#[cfg(test)]
mod tests;

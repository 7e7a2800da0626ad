//! Answers CloudFormation: a PUT to a presigned URL of Amazon S3.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>
//!
//! CloudFormation waits for an answer until the `ServiceTimeout` of the resource. So the handler answers every request that
//! names an acceptable URL, also one that fails or runs out of time. A panic ends the process (`panic = "abort"`), and
//! Lambda may end it, too. Nobody answers then, and the resource fails at its `ServiceTimeout`.

use std::time::Duration;

use contract::Kind;
use lambda_boundary::{Backoff, tls_refusal_in};
use reqwest::Client;
use rotation_mq::tls::BrokerRoots;

mod body;
mod url;

pub use body::{Answer, body};
pub use url::ResponseUrl;

const RETRY: Backoff = Backoff::every(Duration::from_millis(300), 2);
/// One attempt has a third of the time, pauses included.
const ATTEMPTS: u32 = 3;
/// The longest time for an answer.
pub const LONGEST: Duration = Duration::from_secs(15);

/// The HTTP client for answers. It trusts the public certificate authorities, and follows no redirect. As the clients of AWS,
/// it uses the proxy of the environment.
#[derive(Debug)]
pub struct Responses {
    http: Client,
}

/// An answer did not reach CloudFormation. The URL is never a part of the message: whoever has it can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// S3 refused it.
    #[error("Amazon S3 refused the answer with status {0}; the URL is valid for one request and some hours")]
    Refused(u16),
    /// No answer in time, or no connection.
    #[error(
        "Amazon S3 did not take the answer in time; the likely cause: the function's subnets have no route to S3 (a gateway \
         endpoint for S3 or a NAT gateway), or a security group does not allow outbound HTTPS"
    )]
    Unreachable,
    /// The certificate is not trusted.
    #[error("no trusted TLS connection to Amazon S3")]
    Tls,
}

impl ResponseError {
    /// The kind to report.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Unreachable => Kind::AwsUnreachable,
            Self::Refused(_) | Self::Tls => Kind::AwsRequestFailed,
        }
    }

    fn is_worth_a_retry(self) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Refused(status) => status == 429 || status >= 500,
            Self::Tls => false,
        }
    }
}

impl Responses {
    /// A client. Without `https_only`, it also sends to the host of an emulator on the same machine, without TLS.
    ///
    /// # Errors
    /// When the TLS configuration is unusable.
    pub fn new(https_only: bool) -> Result<Self, lambda_runtime::Error> {
        let tls = BrokerRoots::web().client_config()?;
        let builder = Client::builder();
        let builder = if https_only { builder } else { builder.no_proxy() };
        let http = builder
            .tls_backend_preconfigured((*tls).clone())
            .https_only(https_only)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http })
    }

    /// Sends an answer within `limit`. It is sent again after a transport error, 429 or 5xx: the same body overwrites itself.
    ///
    /// # Errors
    /// Why S3 did not take it.
    pub async fn send(&self, url: &ResponseUrl, body: &str, limit: Duration) -> Result<(), ResponseError> {
        let limit = limit.min(LONGEST);
        let attempt = async || {
            let sent = tokio::time::timeout(limit / ATTEMPTS, self.attempt(url, body)).await;
            sent.unwrap_or(Err(ResponseError::Unreachable))
        };
        let is_to_repeat =
            |sent: &Result<(), ResponseError>| sent.is_err_and(ResponseError::is_worth_a_retry);
        let sent = tokio::time::timeout(limit, RETRY.run(attempt, is_to_repeat)).await;
        sent.unwrap_or(Err(ResponseError::Unreachable))
    }

    /// The signature covers an empty `Content-Type`, so the request has none.
    async fn attempt(&self, url: &ResponseUrl, body: &str) -> Result<(), ResponseError> {
        let sent = self.http.put(url.expose().clone()).body(body.to_owned()).send().await;
        match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(ResponseError::Refused(status.as_u16())),
            Err(error) if tls_refusal_in(&error).is_some() => Err(ResponseError::Tls),
            Err(_) => Err(ResponseError::Unreachable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_succeed_a_moment_later_is_sent_again() {
        for (error, expected) in [
            (ResponseError::Unreachable, true),
            (ResponseError::Refused(503), true),
            (ResponseError::Refused(429), true),
            (ResponseError::Refused(403), false),
            (ResponseError::Refused(301), false),
            (ResponseError::Tls, false),
        ] {
            assert_eq!(error.is_worth_a_retry(), expected, "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_ends_in_time() -> Result<(), lambda_runtime::Error> {
        // Port 1 of this machine: nobody listens.
        let url = ResponseUrl::parse("http://127.0.0.1:1/x?Signature=canary", Some("127.0.0.1:1"));
        let url = url.ok_or("the URL is refused")?;
        let sent = Responses::new(false)?.send(&url, "{}", Duration::from_secs(3)).await;
        assert_eq!(sent, Err(ResponseError::Unreachable));
        Ok(())
    }
}

//! Calls to AWS: their limits, and their errors, in words for the person who has to fix the cause.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use contract::Kind;

/// The SDK's configuration. Every operation ends within `timeout`, its three attempts included.
///
/// All clients share one HTTP client, which is made here, in Lambda's init phase. By default, each client of a service reads
/// all certificate authorities of the system again, at its first call, at the small share of a core of an invocation.
pub async fn aws_sdk(timeout: Duration) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https(timeout / 3))
        .timeout_config(timeouts(timeout))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .load()
        .await
}

/// The same configuration and HTTP client, for operations that end within another `timeout`.
#[must_use]
pub fn with_timeout(config: &SdkConfig, timeout: Duration) -> SdkConfig {
    config.to_builder().timeout_config(timeouts(timeout)).build()
}

fn timeouts(timeout: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(timeout / 2).operation_timeout(timeout).build()
}

fn https(connect_timeout: Duration) -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(connect_timeout).build();
    let mut connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .connector_settings(settings)
        .proxy_config(ProxyConfig::from_env());
    connector.set_sleep_impl(default_async_sleep());
    let connector = SharedHttpConnector::new(connector.build());
    http_client_fn(move |_, _| connector.clone())
}

/// A call to AWS failed.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// No answer in time, or no connection.
    #[error(
        "{service} did not answer {operation} within {} s; likely causes: the function's subnets have no route to it \
         (a VPC endpoint for {service} or a NAT gateway), or a security group does not allow outbound HTTPS",
        .timeout.as_secs()
    )]
    Unreachable {
        /// The AWS service.
        service: &'static str,
        /// The API's operation.
        operation: &'static str,
        /// How long the call waited, retries included.
        timeout: Duration,
    },
    /// AWS answered with an error.
    #[error("{service} refused {operation}: {code}: {message}")]
    Refused {
        /// The AWS service.
        service: &'static str,
        /// The API's operation.
        operation: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's message. It names resources and roles, but no values.
        message: String,
    },
    /// The request could not be made, or its answer could not be read.
    #[error("the request {operation} to {service} could not be made, or its answer could not be read")]
    Unreadable {
        /// The AWS service.
        service: &'static str,
        /// The API's operation.
        operation: &'static str,
    },
}

impl AwsError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unreachable { .. } => Kind::AwsUnreachable,
            // A KMS key that is disabled, or that the role may not use: the next attempt would fail for it, too.
            Self::Refused { code, .. }
                if code.contains("AccessDenied")
                    || code == "DecryptionFailure"
                    || code == "EncryptionFailure" =>
            {
                Kind::AwsAccessDenied
            }
            Self::Refused { code, .. } if code.contains("Throttl") || code == "TooManyRequestsException" => {
                Kind::AwsThrottled
            }
            Self::Refused { .. } | Self::Unreadable { .. } => Kind::AwsRequestFailed,
        }
    }

    /// Whether the account makes too many calls of this operation.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.kind() == Kind::AwsThrottled
    }

    /// Whether AWS answered with this error code.
    #[must_use]
    pub fn is(&self, expected: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == expected)
    }

    /// For an operation that AWS refuses with this error code if its condition is not met: `false` then, and the error
    /// otherwise.
    ///
    /// # Errors
    /// The error itself, if it has another code.
    pub fn unmet(self, code: &str) -> Result<bool, Self> {
        if self.is(code) { Ok(false) } else { Err(self) }
    }

    /// Whether AWS's message contains these words. For a code that has more than one meaning.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains(words))
    }

    /// Reads the SDK's error. Bodies of requests and answers are never a part of the result.
    pub fn from_sdk<E: ProvideErrorMetadata, R>(
        service: &'static str,
        operation: &'static str,
        timeout: Duration,
        error: &SdkError<E, R>,
    ) -> Self {
        match error {
            SdkError::ServiceError(answer) => Self::Refused {
                service,
                operation,
                code: answer.err().code().unwrap_or("an error without a code").chars().take(100).collect(),
                message: answer.err().message().unwrap_or("no message").chars().take(500).collect(),
            },
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
                Self::Unreachable { service, operation, timeout }
            }
            _ => Self::Unreadable { service, operation },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_aws_become_kinds() {
        for (code, kind) in [
            ("AccessDeniedException", Kind::AwsAccessDenied),
            ("AccessDenied", Kind::AwsAccessDenied),
            ("ThrottlingException", Kind::AwsThrottled),
            ("Throttling", Kind::AwsThrottled),
            ("TooManyRequestsException", Kind::AwsThrottled),
            ("InternalServiceError", Kind::AwsRequestFailed),
        ] {
            let error = AwsError::Refused {
                service: "Secrets Manager",
                operation: "DescribeSecret",
                code: code.to_owned(),
                message: String::new(),
            };
            assert_eq!(error.kind(), kind, "{code}");
        }
    }
}

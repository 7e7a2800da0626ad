//! A call to AWS that failed, in words for the person who called the program.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The codes of AWS for a caller whom it does not know, or who may not do this.
const IDENTITY: [&str; 9] = [
    "AccessDenied",
    "AuthorizationError",
    "UnauthorizedOperation",
    "ExpiredToken",
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "InvalidSignature",
    "SignatureDoesNotMatch",
    "MissingAuthenticationToken",
];

/// A call to AWS failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// The program has no credentials.
    #[error(
        "there are no credentials for AWS: {reason}; see `aws configure`, `aws sso login`, or use --profile"
    )]
    NoCredentials {
        /// What the SDK says.
        reason: String,
    },
    /// No answer in time, or no connection.
    #[error("{service} did not answer {operation} within {} s; check the network and the region", .timeout.as_secs())]
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
    /// Whether the caller is unknown to AWS, or may not do this.
    #[must_use]
    pub fn is_about_identity(&self) -> bool {
        match self {
            Self::NoCredentials { .. } => true,
            Self::Refused { code, .. } => IDENTITY.iter().any(|begin| code.starts_with(begin)),
            Self::Unreachable { .. } | Self::Unreadable { .. } => false,
        }
    }

    /// Whether the caller may not do this.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if IDENTITY.iter().take(3).any(|begin| code.starts_with(begin)))
    }

    /// Whether AWS answered with this error code.
    #[must_use]
    pub fn is(&self, expected: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == expected)
    }

    /// The answer, or none if AWS says with one of these codes that the resource does not exist.
    pub fn if_known<T>(answer: Result<T, Self>, codes: &[&str]) -> Result<Option<T>, Self> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if codes.iter().any(|code| error.is(code)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the SDK's error. Bodies of requests and answers are never a part of the result.
    pub fn from_sdk<E, R>(
        service: &'static str,
        operation: &'static str,
        timeout: Duration,
        error: &SdkError<E, R>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => Self::Refused {
                service,
                operation,
                code: answer.err().code().unwrap_or("an error without a code").to_owned(),
                message: answer.err().message().unwrap_or("no message").chars().take(500).collect(),
            },
            other => match credentials_of(other) {
                Some(reason) => Self::NoCredentials { reason },
                None if matches!(other, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_)) => {
                    Self::Unreachable { service, operation, timeout }
                }
                None => Self::Unreadable { service, operation },
            },
        }
    }
}

/// What the SDK says about missing credentials, if that is the cause.
fn credentials_of(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(credentials) = error.downcast_ref::<CredentialsError>() {
            let reason = credentials.source().map_or_else(|| credentials.to_string(), ToString::to_string);
            return Some(reason.chars().take(300).collect());
        }
        cause = error.source();
    }
    None
}

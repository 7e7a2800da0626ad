//! Asks the function `inspect`, and waits for its answer. It only looks, so repeating a question is harmless.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use contract::{InspectRequest, Inspection, Kind, LoginCheck, cut};
use lambda_boundary::{AwsError, causes, with_timeout};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How long a check of one login may take. `inspect` asks a broker that refuses it again for about five seconds.
const LOGIN_CHECK_LIMIT: Duration = Duration::from_secs(15);
/// How long an inspection may take: the function's own time limit, and the call.
const INSPECTION_LIMIT: Duration = Duration::from_secs(65);
/// An inspection lists at most 100 connections.
const ANSWER_LIMIT: usize = 1_000_000;
/// The message of a failed inspection is part of another message.
const MESSAGE_LIMIT: usize = 500;

/// The function `inspect`.
#[derive(Debug)]
pub struct Inspections {
    checks: Client,
    inspections: Client,
    function: String,
}

/// There is no answer about the secret.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Lambda refused the invocation, or did not answer in time. That says nothing about the secret.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The function ended with an error.
    #[error("`inspect` failed ({kind}): {message}")]
    Failed {
        /// The error's kind, or `function.crashed`.
        kind: Kind,
        /// Its message.
        message: String,
    },
    /// The answer is not in its format.
    #[error("the answer of `inspect` could not be read")]
    Unreadable(#[source] serde_json::Error),
    /// The answer is larger than any answer of `inspect`.
    #[error("the answer of `inspect` has {0} bytes, which is too much")]
    TooLarge(usize),
    /// The request could not be written as JSON.
    #[error("the request to `inspect` could not be written")]
    Unwritable(#[source] serde_json::Error),
}

impl InspectError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Aws(error) => error.kind(),
            Self::Failed { kind, .. } => *kind,
            Self::Unreadable(_) | Self::TooLarge(_) | Self::Unwritable(_) => Kind::AwsRequestFailed,
        }
    }

    /// Whether the function itself does not work, or cannot be invoked: for another secret, it would fail as well.
    #[must_use]
    pub fn is_of_the_function(&self) -> bool {
        let kinds = [Kind::ConfigurationInvalid, Kind::EventInvalid, Kind::FunctionCrashed];
        !matches!(self, Self::Failed { kind, .. } if !kinds.contains(kind))
    }

    /// The whole chain, for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let causes = causes(self);
        if causes.is_empty() { self.to_string() } else { format!("{self}: {}", causes.join(": ")) }
    }
}

/// What Lambda answers if a function ends with an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error_message: String,
}

impl Inspections {
    /// A client on the SDK's configuration, for the function with that name or ARN.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, function: String) -> Self {
        // One attempt may use half of the time. A function that answers late is not asked twice for nothing.
        let client = |limit| Client::new(&with_timeout(config, limit));
        Self { checks: client(LOGIN_CHECK_LIMIT * 2), inspections: client(INSPECTION_LIMIT * 2), function }
    }

    /// Does this version log in? The answer comes within 15 s, or not at all.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn check_login(&self, secret: &str, version: &str) -> Result<LoginCheck, InspectError> {
        let request =
            InspectRequest::CheckLogin { secret_id: secret.to_owned(), version_id: version.to_owned() };
        self.ask(&self.checks, &request, LOGIN_CHECK_LIMIT).await
    }

    /// Everything that `inspect` sees of one secret.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn inspect(&self, secret: &str) -> Result<Inspection, InspectError> {
        let request = InspectRequest::Inspect { secret_id: secret.to_owned() };
        self.ask(&self.inspections, &request, INSPECTION_LIMIT).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        client: &Client,
        request: &InspectRequest,
        limit: Duration,
    ) -> Result<T, InspectError> {
        let unreachable =
            |_| AwsError::Unreachable { service: "Lambda", operation: "Invoke", timeout: limit };
        let payload = serde_json::to_vec(request).map_err(InspectError::Unwritable)?;
        let call = client.invoke().function_name(&self.function).payload(Blob::new(payload)).send();
        let answer = tokio::time::timeout(limit, call)
            .await
            .map_err(unreachable)?
            .map_err(|error| AwsError::from_sdk("Lambda", "Invoke", limit, &error))?;
        let failed = answer.function_error.is_some();
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        read(failed, &payload)
    }
}

fn read<T: DeserializeOwned>(failed: bool, payload: &[u8]) -> Result<T, InspectError> {
    if payload.len() > ANSWER_LIMIT {
        return Err(InspectError::TooLarge(payload.len()));
    }
    if !failed {
        return serde_json::from_slice(payload).map_err(InspectError::Unreadable);
    }
    let Failure { error_type, error_message } =
        serde_json::from_slice(payload).map_err(InspectError::Unreadable)?;
    let kind = Kind::parse(&error_type).unwrap_or(Kind::FunctionCrashed);
    Err(InspectError::Failed { kind, message: cut(&error_message, MESSAGE_LIMIT) })
}

#[cfg(test)]
mod tests {
    use contract::{InspectedDelivery, Login};

    use super::*;

    #[test]
    fn a_failed_inspection_has_the_kind_of_its_error_and_says_whether_the_function_works() {
        for (answer, kind, of_the_function) in [
            (r#"{"errorType":"secret.not_found","errorMessage":"no"}"#, Kind::SecretNotFound, false),
            (r#"{"errorType":"broker.unreachable","errorMessage":"no"}"#, Kind::BrokerUnreachable, false),
            (r#"{"errorType":"configuration.invalid"}"#, Kind::ConfigurationInvalid, true),
            (r#"{"errorType":"Runtime.ExitError","errorMessage":"exit"}"#, Kind::FunctionCrashed, true),
            ("7", Kind::AwsRequestFailed, true),
        ] {
            let error = read::<LoginCheck>(true, answer.as_bytes()).err();
            let found = error.as_ref().map(|error| (error.kind(), error.is_of_the_function()));
            assert_eq!(found, Some((kind, of_the_function)), "{answer}");
        }
    }

    #[test]
    fn an_answer_is_read_strictly_enough_to_be_believed_and_has_a_size() {
        let check = r#"{"schema":"rotation-login-check/1","secretArn":"arn","versionId":"v","user":"shop",
            "login":"refused","problem":null,"workingVersionId":"v1"}"#;
        let read_check = read::<LoginCheck>(false, check.as_bytes()).ok();
        assert_eq!(read_check.map(|check| check.login), Some(Login::Refused));
        assert!(read::<LoginCheck>(false, b"{}").is_err());
        assert!(read::<InspectedDelivery>(false, &vec![b' '; ANSWER_LIMIT + 1]).is_err());
    }
}

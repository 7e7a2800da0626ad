//! STS: who calls.

use aws_config::SdkConfig;
use aws_sdk_sts::Client;

use super::AwsError;
use super::config::TIMEOUT;

/// Who calls, as AWS knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The ARN of the user or of the session of a role.
    pub arn: String,
    /// The account.
    pub account: String,
}

/// Asks who calls. AWS permits it to everyone.
pub async fn caller(config: &SdkConfig) -> Result<Caller, AwsError> {
    let answer = Client::new(config)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| AwsError::from_sdk("STS", "GetCallerIdentity", TIMEOUT, &error))?;
    match (answer.arn, answer.account) {
        (Some(arn), Some(account)) => Ok(Caller { arn, account }),
        _ => Err(AwsError::Unreadable { service: "STS", operation: "GetCallerIdentity" }),
    }
}

//! KMS: the state and the policy of a key.

use aws_config::SdkConfig;
use aws_sdk_kms::Client;

use super::AwsError;
use super::config::TIMEOUT;

const SERVICE: &str = "KMS";

/// The state of a key, by its id or ARN. None if there is no such key.
pub async fn state(config: &SdkConfig, key: &str) -> Result<Option<String>, AwsError> {
    let answer = Client::new(config).describe_key().key_id(key).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "DescribeKey", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &["NotFoundException"])? else { return Ok(None) };
    let state = answer.key_metadata.and_then(|metadata| metadata.key_state);
    Ok(Some(state.map(|state| state.as_str().to_owned()).unwrap_or_default()))
}

/// The policy of a key.
pub async fn policy(config: &SdkConfig, key: &str) -> Result<String, AwsError> {
    let answer = Client::new(config).get_key_policy().key_id(key).policy_name("default").send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetKeyPolicy", TIMEOUT, &error))?;
    Ok(answer.policy.unwrap_or_default())
}

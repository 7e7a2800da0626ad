//! Lambda: whether the functions of the stack may run, and what they read.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;

use super::AwsError;
use super::config::TIMEOUT;

const SERVICE: &str = "Lambda";
const MISSING: [&str; 1] = ["ResourceNotFoundException"];

/// A function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Function {
    /// `Active`, `Inactive`, `Pending` or `Failed`.
    pub state: String,
    /// How its last update ended: `Successful`, `Failed`, `InProgress`.
    pub last_update: String,
}

/// A queue that a function reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// `Enabled`, `Disabled`, or a state between them.
    pub state: String,
    /// The ARN of the queue.
    pub source: String,
}

/// A function by its name. None if there is no such function.
pub async fn function(config: &SdkConfig, name: &str) -> Result<Option<Function>, AwsError> {
    let answer = Client::new(config).get_function_configuration().function_name(name).send().await;
    let answer =
        answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetFunctionConfiguration", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &MISSING)? else { return Ok(None) };
    Ok(Some(Function {
        state: answer.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        last_update: answer.last_update_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
    }))
}

/// The reserved concurrency of a function. 0 switches it off.
pub async fn reserved(config: &SdkConfig, name: &str) -> Result<Option<i32>, AwsError> {
    let answer = Client::new(config).get_function_concurrency().function_name(name).send().await;
    let answer =
        answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetFunctionConcurrency", TIMEOUT, &error))?;
    Ok(answer.reserved_concurrent_executions)
}

/// The resource policy of a function. None if it has none.
pub async fn policy(config: &SdkConfig, name: &str) -> Result<Option<String>, AwsError> {
    let answer = Client::new(config).get_policy().function_name(name).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetPolicy", TIMEOUT, &error));
    Ok(AwsError::if_known(answer, &MISSING)?.and_then(|answer| answer.policy))
}

/// An event source mapping by its id. None if there is no such mapping.
pub async fn mapping(config: &SdkConfig, id: &str) -> Result<Option<Mapping>, AwsError> {
    let answer = Client::new(config).get_event_source_mapping().uuid(id).send().await;
    let answer =
        answer.map_err(|error| AwsError::from_sdk(SERVICE, "GetEventSourceMapping", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &MISSING)? else { return Ok(None) };
    Ok(Some(Mapping {
        state: answer.state.unwrap_or_default(),
        source: answer.event_source_arn.unwrap_or_default(),
    }))
}

//! EventBridge: whether a rule takes events, and which.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;

use super::AwsError;
use super::config::TIMEOUT;

const SERVICE: &str = "EventBridge";
const MISSING: [&str; 1] = ["ResourceNotFoundException"];

/// A rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its state.
    pub state: String,
    /// The events that it takes.
    pub pattern: String,
}

/// A rule of the default bus. None if there is no such rule.
pub async fn rule(config: &SdkConfig, name: &str) -> Result<Option<Rule>, AwsError> {
    let answer = Client::new(config).describe_rule().name(name).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "DescribeRule", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &MISSING)? else { return Ok(None) };
    Ok(Some(Rule {
        state: answer.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        pattern: answer.event_pattern.unwrap_or_default(),
    }))
}

/// How many targets a rule of the default bus has. AWS allows five.
pub async fn targets(config: &SdkConfig, name: &str) -> Result<usize, AwsError> {
    let answer = Client::new(config).list_targets_by_rule().rule(name).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "ListTargetsByRule", TIMEOUT, &error))?;
    Ok(answer.targets.unwrap_or_default().len())
}

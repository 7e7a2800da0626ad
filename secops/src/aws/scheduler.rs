//! EventBridge Scheduler: whether a schedule runs.

use aws_config::SdkConfig;
use aws_sdk_scheduler::Client;

use super::AwsError;
use super::config::TIMEOUT;

/// A schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// `ENABLED` or `DISABLED`.
    pub state: String,
    /// When it runs.
    pub expression: String,
}

/// A schedule of a group. None if there is no such schedule.
pub async fn schedule(config: &SdkConfig, group: &str, name: &str) -> Result<Option<Schedule>, AwsError> {
    let answer = Client::new(config).get_schedule().group_name(group).name(name).send().await;
    let answer =
        answer.map_err(|error| AwsError::from_sdk("EventBridge Scheduler", "GetSchedule", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &["ResourceNotFoundException"])? else { return Ok(None) };
    Ok(Some(Schedule {
        state: answer.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        expression: answer.schedule_expression.unwrap_or_default(),
    }))
}

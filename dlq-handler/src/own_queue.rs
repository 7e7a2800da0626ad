//! The queue that only this function and its schedule send to. A message that has to wait is sent to it with a delay.

use std::time::Duration;

use aws_sdk_sqs::Client;
use lambda_boundary::AwsError;

use crate::own_message::OwnMessage;

/// The queue.
#[derive(Debug)]
pub struct OwnQueue {
    client: Client,
    url: String,
    timeout: Duration,
}

/// A message could not be queued.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// SQS refused it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The message could not be written as JSON.
    #[error("the message could not be written")]
    Unwritable(#[from] serde_json::Error),
}

impl OwnQueue {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, url: String, timeout: Duration) -> Self {
        Self { client: Client::new(config), url, timeout }
    }

    /// Sends a message to this function that arrives after `delay`, 15 minutes at most.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn send_later(&self, message: &OwnMessage, delay: Duration) -> Result<(), SendError> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(serde_json::to_string(message)?)
            .delay_seconds(seconds)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("SQS", "SendMessage", self.timeout, &error))?;
        Ok(())
    }
}

//! SQS: how many messages wait in a queue, and the request to close an incident. No message is read.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::AwsError;
use super::config::TIMEOUT;

const MISSING: [&str; 2] = ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"];

/// A queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// Its ARN.
    pub arn: String,
    /// Messages that can be received.
    pub waiting: u64,
}

/// Puts a message into a queue.
pub async fn send(config: &SdkConfig, url: &str, message: &str) -> Result<(), AwsError> {
    let sent = Client::new(config).send_message().queue_url(url).message_body(message).send().await;
    sent.map(drop).map_err(|error| AwsError::from_sdk("SQS", "SendMessage", TIMEOUT, &error))
}

/// A queue by its URL. None if there is no such queue.
pub async fn queue(config: &SdkConfig, url: &str) -> Result<Option<Queue>, AwsError> {
    let wanted = [QueueAttributeName::QueueArn, QueueAttributeName::ApproximateNumberOfMessages];
    let ask = Client::new(config).get_queue_attributes().queue_url(url);
    let answer = ask.set_attribute_names(Some(wanted.into())).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk("SQS", "GetQueueAttributes", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &MISSING)? else { return Ok(None) };
    let attributes = answer.attributes.unwrap_or_default();
    let attribute = |name| attributes.get(&name).map(String::as_str).unwrap_or_default();
    Ok(Some(Queue {
        arn: attribute(QueueAttributeName::QueueArn).to_owned(),
        waiting: attribute(QueueAttributeName::ApproximateNumberOfMessages).parse().unwrap_or_default(),
    }))
}

//! The topic that people and chats are subscribed to.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use contract::Alert;
use lambda_boundary::AwsError;
use serde_json::json;

/// The context entries that are attributes of the message too, for subscription filters.
const ATTRIBUTES: [&str; 4] = ["kind", "severity", "area", "owner"];

/// The alert topic.
#[derive(Debug)]
pub struct AlertTopic {
    client: Client,
    topic: String,
    timeout: Duration,
}

/// An alert could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// SNS refused it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The alert could not be written as JSON.
    #[error("the alert could not be written")]
    Unwritable(#[from] serde_json::Error),
    /// SNS's client could not build the message.
    #[error("the alert's attributes could not be written")]
    Attributes,
}

impl AlertTopic {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, topic: String, timeout: Duration) -> Self {
        Self { client: Client::new(config), topic, timeout }
    }

    /// Publishes an alert: the notification to chats and queues, a letter to mailboxes.
    ///
    /// # Errors
    /// When SNS does not take it.
    pub async fn publish(&self, alert: &Alert) -> Result<(), PublishError> {
        let mut attributes = HashMap::new();
        for name in ATTRIBUTES {
            let Some(value) = alert.context(name) else { continue };
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            attributes.insert(name.to_owned(), attribute.map_err(|_| PublishError::Attributes)?);
        }
        let message = json!({"default": serde_json::to_string(alert)?, "email": alert.mail()});
        self.client
            .publish()
            .topic_arn(&self.topic)
            .subject(alert.subject())
            .message_structure("json")
            .message(message.to_string())
            .set_message_attributes(Some(attributes))
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("SNS", "Publish", self.timeout, &error))?;
        Ok(())
    }
}

//! An SNS topic: failure notices go to the dead-letter topic, alerts to people and chats.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use contract::{Alert, FailureNotice};
use lambda_boundary::AwsError;
use serde_json::json;

/// The context entries of an alert that are also attributes of the message, for subscription filters.
const ALERT_ATTRIBUTES: [&str; 3] = ["kind", "severity", "area"];

/// A topic.
#[derive(Debug)]
pub struct Topic {
    client: Client,
    arn: String,
    timeout: Duration,
}

/// A message could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// SNS refused it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The message could not be written as JSON.
    #[error("the message could not be written")]
    Unwritable(#[from] serde_json::Error),
    /// SNS's client could not build the message.
    #[error("the message's attributes could not be written")]
    Attributes,
}

impl Topic {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, arn: String, timeout: Duration) -> Self {
        Self { client: Client::new(config), arn, timeout }
    }

    /// Asks SNS about the topic, to see whether it answers.
    ///
    /// # Errors
    /// What AWS answered, also that the role may not ask.
    pub async fn ask_anything(&self) -> Result<(), AwsError> {
        let sent = self.client.get_topic_attributes().topic_arn(&self.arn).send().await;
        sent.map(drop).map_err(|error| AwsError::from_sdk("SNS", "GetTopicAttributes", self.timeout, &error))
    }

    /// Publishes a failure notice, with its kind and severity as attributes.
    ///
    /// # Errors
    /// When SNS does not take it.
    pub async fn publish_notice(&self, notice: &FailureNotice) -> Result<(), PublishError> {
        let message = self.client.publish().message(serde_json::to_string(notice)?);
        self.publish(message, [("kind", notice.kind.as_str()), ("severity", notice.severity.as_str())]).await
    }

    /// Publishes an alert: the notification for chats and queues, and a mail for mailboxes.
    ///
    /// # Errors
    /// When SNS does not take it.
    pub async fn publish_alert(&self, alert: &Alert) -> Result<(), PublishError> {
        let forms = json!({"default": serde_json::to_string(alert)?, "email": alert.mail()});
        let message = self.client.publish().message_structure("json").message(forms.to_string());
        let attributes = ALERT_ATTRIBUTES.into_iter().filter_map(|name| Some((name, alert.context(name)?)));
        let owner = alert.owner().map(|owner| ("owner", owner));
        self.publish(message.subject(alert.subject()), attributes.chain(owner)).await
    }

    async fn publish(
        &self,
        message: PublishFluentBuilder,
        attributes: impl IntoIterator<Item = (&str, &str)>,
    ) -> Result<(), PublishError> {
        let mut all = HashMap::new();
        for (name, value) in attributes {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            all.insert(name.to_owned(), attribute.map_err(|_| PublishError::Attributes)?);
        }
        message
            .topic_arn(&self.arn)
            .set_message_attributes(Some(all))
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("SNS", "Publish", self.timeout, &error))?;
        Ok(())
    }
}

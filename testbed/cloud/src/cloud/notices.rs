//! The messages of a topic. Each test reads all of them and takes none from another test.
//!
//! The testbed subscribes its own queues, because the handler already reads the dead-letter queue.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};
use serde_json::{Value, json};
use tokio::sync::Mutex;

const LIMIT: Duration = Duration::from_secs(30);

/// All messages that a queue has received so far.
#[derive(Debug)]
pub struct Inbox {
    queue: aws_sdk_sqs::Client,
    url: String,
    received: Mutex<Vec<Value>>,
}

impl Inbox {
    /// Creates a queue `name` that receives every message of the topic `arn` unchanged.
    ///
    /// # Errors
    /// When SQS or SNS refuses.
    pub async fn of_topic(config: &aws_config::SdkConfig, arn: &str, name: &str) -> Result<Self> {
        let inbox = Self::new(config, name).await?;
        let topics = aws_sdk_sns::Client::new(config);
        let subscribe = topics.subscribe().topic_arn(arn).protocol("sqs").endpoint(inbox.arn().await?);
        let subscribed = subscribe.attributes("RawMessageDelivery", "true").send().await;
        subscribed.with_context(|| format!("cannot listen to {arn}"))?;
        Ok(inbox)
    }

    /// Creates a queue `name` to which nothing sends yet.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn new(config: &aws_config::SdkConfig, name: &str) -> Result<Self> {
        let queue = aws_sdk_sqs::Client::new(config);
        let created = queue
            .create_queue()
            .queue_name(name)
            .attributes(QueueAttributeName::Policy, anybody_may_send().to_string())
            .send()
            .await;
        let created = created.with_context(|| format!("cannot make the queue {name}"))?;
        let url = created.queue_url.context("a queue without a URL")?;
        Ok(Self { queue, url, received: Mutex::new(Vec::new()) })
    }

    /// The queue's URL, for people.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The queue's ARN.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn arn(&self) -> Result<String> {
        let name = QueueAttributeName::QueueArn;
        let asked =
            self.queue.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone()).send();
        asked.await?.attributes.and_then(|all| all.get(&name).cloned()).context("a queue without an ARN")
    }

    /// All messages that have arrived up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn all(&self) -> Result<Vec<Value>> {
        self.matching(|_| true).await
    }

    /// The `wanted` messages that have arrived up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn matching(&self, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        let look = |message: &Value| {
            found.extend(wanted(message).then(|| message.clone()));
            Ok(())
        };
        self.each(look).await?;
        Ok(found)
    }

    /// Passes all messages that have arrived up to now to `look`, in the order of their arrival.
    ///
    /// # Errors
    /// When the queue cannot be read, or `look` fails.
    pub async fn each(&self, look: impl FnMut(&Value) -> Result<()>) -> Result<()> {
        let mut received = self.received.lock().await;
        loop {
            let batch = self
                .queue
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .wait_time_seconds(0)
                .send()
                .await
                .context("the queue cannot be read")?
                .messages
                .unwrap_or_default();
            if batch.is_empty() {
                return received.iter().try_for_each(look);
            }
            let mut done = Vec::new();
            for (number, message) in batch.into_iter().enumerate() {
                received.push(serde_json::from_str(message.body.as_deref().unwrap_or_default())?);
                let handle = message.receipt_handle.unwrap_or_default();
                let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
                done.push(entry.receipt_handle(handle).build()?);
            }
            let delete = self.queue.delete_message_batch().queue_url(&self.url).set_entries(Some(done));
            let deleted = delete.send().await?;
            ensure!(deleted.failed.is_empty(), "messages are not deleted: {:?}", deleted.failed);
        }
    }

    /// Waits until there are `count` messages that are `wanted`, and returns all of them.
    ///
    /// # Errors
    /// When there are fewer after `limit`.
    pub async fn wait_until(
        &self,
        count: usize,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>> {
        let started = Instant::now();
        loop {
            let messages = self.matching(&wanted).await?;
            if messages.len() >= count {
                return Ok(messages);
            }
            if started.elapsed() > limit {
                bail!("{count} messages were expected, but there are {messages:#?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The failure notices on the dead-letter topic, without the messages of Lambda and CloudWatch.
#[derive(Debug)]
pub struct Notices(Inbox);

impl Notices {
    /// Subscribes to the dead-letter topic `arn` of the stack `stack`.
    ///
    /// # Errors
    /// When SQS or SNS refuses.
    pub(super) async fn of(config: &aws_config::SdkConfig, arn: &str, stack: &str) -> Result<Self> {
        Ok(Self(Inbox::of_topic(config, arn, &format!("{stack}-notices")).await?))
    }

    /// The queue's URL, for people.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// The notices about `secret` that have arrived up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn about(&self, secret: &str) -> Result<Vec<Value>> {
        self.matching(|notice| is_notice(notice) && notice["secretArn"] == secret).await
    }

    /// Lambda's records of failed asynchronous events about `secret` that have arrived up to now. The event is a
    /// request or the native event.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn envelopes_about(&self, secret: &str) -> Result<Vec<Value>> {
        let about = |message: &Value| {
            let event = &message["requestPayload"];
            event["secretArn"] == secret || event["resources"][0] == secret
        };
        self.matching(about).await
    }

    /// The `wanted` messages of the topic that have arrived up to now: notices and all others.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn matching(&self, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        self.0.matching(wanted).await
    }

    /// All notices that have arrived up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn all(&self) -> Result<Vec<Value>> {
        self.matching(is_notice).await
    }

    /// Waits until there are `count` notices about `secret`, and returns them.
    ///
    /// # Errors
    /// When there are fewer after ten seconds.
    pub async fn wait_for(&self, secret: &str, count: usize) -> Result<Vec<Value>> {
        self.0.wait_until(count, LIMIT, |notice| is_notice(notice) && notice["secretArn"] == secret).await
    }

    /// Waits until there are `count` notices about any secret, and returns them.
    ///
    /// # Errors
    /// When there are fewer after ten seconds.
    pub async fn wait_for_any(&self, count: usize) -> Result<Vec<Value>> {
        self.0.wait_until(count, LIMIT, is_notice).await
    }
}

/// A queue policy that allows SNS and EventBridge to send, for any topic or rule. All senders are on loopback.
fn anybody_may_send() -> Value {
    let services = ["sns.amazonaws.com", "events.amazonaws.com"];
    let statement = json!({
        "Effect": "Allow", "Principal": {"Service": services}, "Action": "sqs:SendMessage", "Resource": "*",
    });
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

fn is_notice(message: &Value) -> bool {
    message["schema"] == "rotation-failure/1"
}

//! The dead-letter queue, read by one test without taking another test's notices away.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::sync::Mutex;

/// Everything that has arrived in the dead-letter queue so far.
#[derive(Debug)]
pub struct Notices {
    queue: aws_sdk_sqs::Client,
    url: String,
    received: Mutex<Vec<Value>>,
}

impl Notices {
    pub(crate) fn new(queue: aws_sdk_sqs::Client, url: String) -> Self {
        Self { queue, url, received: Mutex::new(Vec::new()) }
    }

    pub(crate) fn client(&self) -> aws_sdk_sqs::Client {
        self.queue.clone()
    }

    /// The notices about `secret` that have arrived up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn about(&self, secret: &str) -> Result<Vec<Value>> {
        self.matching(|notice| notice["secretArn"] == secret).await
    }

    /// Lambda's records of failed asynchronous events about `secret` that have arrived up to now: of a request, or
    /// of the native event.
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

    /// All notices that have arrived up to now.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn all(&self) -> Result<Vec<Value>> {
        self.matching(|_| true).await
    }

    /// Those that have arrived up to now and are as `wanted`.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn matching(&self, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
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
                .context("the dead-letter queue cannot be read")?
                .messages
                .unwrap_or_default();
            if batch.is_empty() {
                return Ok(received.iter().filter(|message| wanted(message)).cloned().collect());
            }
            for message in batch {
                received.push(serde_json::from_str(message.body.as_deref().unwrap_or_default())?);
                let handle = message.receipt_handle.unwrap_or_default();
                self.queue.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
            }
        }
    }

    /// Waits until there are `count` notices about `secret`, and answers them.
    ///
    /// # Errors
    /// When there are fewer after ten seconds.
    pub async fn wait_for(&self, secret: &str, count: usize) -> Result<Vec<Value>> {
        self.wait_until(count, |notice| notice["secretArn"] == secret).await
    }

    /// Waits until there are `count` notices about anything, and answers them.
    ///
    /// # Errors
    /// When there are fewer after ten seconds.
    pub async fn wait_for_any(&self, count: usize) -> Result<Vec<Value>> {
        self.wait_until(count, |_| true).await
    }

    async fn wait_until(&self, count: usize, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let started = Instant::now();
        loop {
            let notices = self.matching(&wanted).await?;
            if notices.len() >= count {
                return Ok(notices);
            }
            if started.elapsed() > Duration::from_secs(10) {
                bail!("{count} notices were expected, but there are {notices:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

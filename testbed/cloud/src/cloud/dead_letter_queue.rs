//! The queues of dlq-handler, for tests that send messages to them.

use anyhow::{Context as _, Result, ensure};
use aws::Stack;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

/// The most messages that SQS accepts in one call.
const BATCH: usize = 10;

/// A queue of a stack.
#[derive(Debug)]
pub struct DeadLetterQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl DeadLetterQueue {
    /// The queue whose URL is the stack's output `output`.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn of(config: &aws_config::SdkConfig, stack: &Stack, output: &str) -> Result<Self> {
        Ok(Self { client: aws_sdk_sqs::Client::new(config), url: stack.output(output)?.to_owned() })
    }

    /// The queue's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends messages, in batches of the size that SQS accepts.
    ///
    /// # Errors
    /// When SQS refuses a message.
    pub async fn send(&self, bodies: &[String]) -> Result<()> {
        for batch in bodies.chunks(BATCH) {
            let entries = batch.iter().enumerate().map(|(number, body)| {
                SendMessageBatchRequestEntry::builder().id(format!("m{number}")).message_body(body).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            let sending = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
            let sent = sending.send().await.context("the queue takes nothing")?;
            ensure!(sent.failed.is_empty(), "{:?}", sent.failed);
        }
        Ok(())
    }

    /// Sets the visibility timeout, after which a failed message comes again. The template's value is six minutes.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn retry_after(&self, seconds: u32) -> Result<()> {
        self.client
            .set_queue_attributes()
            .queue_url(&self.url)
            .attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string())
            .send()
            .await
            .context("the queue was not changed")?;
        Ok(())
    }

    /// Removes all messages, invisible messages included.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn purge(&self) -> Result<()> {
        self.client.purge_queue().queue_url(&self.url).send().await.context("the queue was not purged")?;
        Ok(())
    }

    /// The number of messages in it. Invisible messages are included, delayed messages are not.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn depth(&self) -> Result<usize> {
        self.count(&[
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ])
        .await
    }

    /// Whether it contains any message, delayed messages included.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn is_busy(&self) -> Result<bool> {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        Ok(self.count(&counts).await? > 0)
    }

    /// The queue's ARN.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn arn(&self) -> Result<String> {
        let name = QueueAttributeName::QueueArn;
        let asked = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let found = asked.send().await?.attributes.unwrap_or_default();
        found.get(&name).cloned().context("a queue without an ARN")
    }

    async fn count(&self, counts: &[QueueAttributeName]) -> Result<usize> {
        let asked = self.client.get_queue_attributes().queue_url(&self.url);
        let found = asked.set_attribute_names(Some(counts.to_vec())).send().await?;
        let found = found.attributes.unwrap_or_default();
        Ok(counts.iter().filter_map(|count| found.get(count)?.parse::<usize>().ok()).sum())
    }
}

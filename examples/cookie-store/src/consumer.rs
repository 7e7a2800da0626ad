//! The consumers do the work first, then acknowledge the message. They process each order once.
//!
//! If a connection ends before the acknowledgement, the broker delivers the message again, although the work may be done.
//! The ledger records which work is done.

use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions,
};
use lapin::types::FieldTable;

use crate::connection::Session;
use crate::ledger::Ledger;
use crate::report::Counts;
use crate::service::{End, Signal, Work, answer};
use crate::topology::OrderConfirmed;

/// The prefetch count. After a lost connection, at most this many messages are delivered again.
const PREFETCH: u16 = 50;
/// The time limit to finish the delivered messages of a connection before it is closed.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// The service messenger or order. It processes each order in its queue.
#[derive(Debug)]
pub struct Consumer {
    queue: &'static str,
    done: Ledger,
    counts: Counts,
}

impl Consumer {
    /// A consumer of `queue` that records its work in `done`.
    #[must_use]
    pub fn new(queue: &'static str, done: Ledger) -> Self {
        Self { queue, done, counts: Counts::default() }
    }

    /// The counts so far.
    #[must_use]
    pub fn into_counts(self) -> Counts {
        self.counts
    }

    async fn handle(&mut self, delivery: Delivery) -> Result<(), String> {
        self.counts.received += 1;
        self.counts.redelivered += u64::from(delivery.redelivered);
        match work(&mut self.done, &delivery.data).map_err(|error| error.to_string())? {
            Done::Unreadable => {
                // With requeueing, this message would be delivered again forever. To keep such messages, configure a
                // dead-letter exchange for the queue.
                self.counts.unreadable += 1;
                return text(delivery.reject(BasicRejectOptions { requeue: false }).await).map(drop);
            }
            Done::Now => self.counts.progress(Instant::now()),
            Done::Before => self.counts.duplicates += 1,
        }
        text(delivery.ack(BasicAckOptions::default()).await).map(drop)
    }

    /// Cancels the subscription, finishes the delivered messages, and acknowledges them on their own channel.
    async fn drain(&mut self, channel: &Channel, mut messages: lapin::Consumer) -> Result<(), String> {
        text(channel.basic_cancel(messages.tag(), BasicCancelOptions::default()).await)?;
        while let Some(message) = messages.next().await {
            self.handle(text(message)?).await?;
        }
        // The broker answers after it has received every acknowledgement. A busy quorum queue may still deliver some of
        // these messages again.
        text(channel.close(200, "drained".into()).await)
    }
}

impl Work for Consumer {
    async fn on(&mut self, session: &Session, mut signal: Pin<&mut impl Future<Output = Signal>>) -> End {
        let (channel, mut messages) = match answer(consume(session, self.queue)).await {
            Ok(started) => started,
            Err(why) => return End::Lost(why),
        };
        let signal = loop {
            tokio::select! {
                biased;
                signal = &mut signal => break signal,
                message = messages.next() => {
                    let handled = match message {
                        Some(Ok(message)) => self.handle(message).await,
                        Some(Err(error)) => Err(error.to_string()),
                        None => Err("the broker ended the subscription".to_owned()),
                    };
                    if let Err(why) = handled {
                        return End::Lost(why);
                    }
                }
            }
        };
        match tokio::time::timeout(DRAIN_LIMIT, self.drain(&channel, messages)).await {
            Ok(Ok(())) => {}
            // The broker delivers unacknowledged messages again.
            Ok(Err(why)) => tracing::warn!("the connection was lost with unfinished messages: {why}"),
            Err(_) => tracing::warn!("not all messages were finished within {DRAIN_LIMIT:?}"),
        }
        match signal {
            Signal::Replaced(next) => End::Replaced(next),
            Signal::Stop => End::Stopped,
        }
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Its order was processed now.
    Now,
    /// Its order was processed before. The message is a copy.
    Before,
    /// It is no order.
    Unreadable,
}

/// Processes the order in a message, unless that is done already.
///
/// # Errors
/// When the work fails. Then the message is not acknowledged, and the broker delivers it again on the next connection.
pub fn work(done: &mut Ledger, message: &[u8]) -> std::io::Result<Done> {
    let Ok(order) = serde_json::from_slice::<OrderConfirmed>(message) else { return Ok(Done::Unreadable) };
    Ok(if done.record(&order.order_id)? { Done::Now } else { Done::Before })
}

async fn consume(session: &Session, queue: &str) -> Result<(Channel, lapin::Consumer), lapin::Error> {
    let channel = session.connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let messages = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
    Ok((channel, messages))
}

fn text<T>(result: Result<T, lapin::Error>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

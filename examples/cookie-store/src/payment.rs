//! The publisher. It keeps each order until the broker has confirmed it, also if it crashes meanwhile.
//!
//! Messages are persistent, so they survive a restart of the broker. They are mandatory, so the broker returns a message
//! that no queue accepts. After a lost connection, the publisher sends the unconfirmed orders again with the same IDs. The
//! broker may have stored some of them already, so the consumers recognize copies by their IDs.

use std::pin::Pin;
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};

use crate::connection::Session;
use crate::ledger::Ledger;
use crate::outbox::Outbox;
use crate::report::Counts;
use crate::service::{End, Signal, Work, answer};
use crate::topology::{EXCHANGE, ORDER_CONFIRMED, OrderConfirmed, order_id};

/// The interval between batches of orders, and the maximum size of a batch.
const BATCH_EVERY: Duration = Duration::from_millis(25);
const BATCH_SIZE: usize = 500;
/// The time limit for confirmations. After it, the connection counts as lost, for example because of a memory alarm or a
/// network failure.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
/// The wait before orders are sent again that no queue accepted or that the broker could not store.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(1);
/// <https://www.rabbitmq.com/docs/publishers#message-properties>
pub const PERSISTENT: u8 = 2;

/// The service payment. It takes orders at a constant rate, also if the broker is down, and publishes them.
#[derive(Debug)]
pub struct Payment {
    orders: Ledger,
    outbox: Outbox,
    began: Instant,
    orders_per_second: u32,
    taken: u64,
    stopping: bool,
    counts: Counts,
}

impl Payment {
    /// Writes each taken order to `orders`, and each confirmed one to `confirmed`. Orders of an earlier process that were not
    /// confirmed are sent again.
    #[must_use]
    pub fn new(orders: Ledger, confirmed: Ledger, orders_per_second: u32, now: Instant) -> Self {
        Self {
            outbox: Outbox::open(&orders, confirmed),
            orders,
            began: now,
            orders_per_second,
            taken: 0,
            stopping: false,
            counts: Counts::default(),
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn into_counts(mut self) -> Counts {
        self.counts.unconfirmed = self.outbox.len() as u64;
        self.counts
    }

    /// Takes the orders that are due. Customers also order while the broker is down, so this includes those orders.
    fn take_orders(&mut self, now: Instant) -> std::io::Result<()> {
        let due = now.duration_since(self.began).as_millis() * u128::from(self.orders_per_second) / 1_000;
        while u128::from(self.taken) < due {
            let number = self.orders.len() as u64 + 1;
            self.orders.record(&order_id(number))?;
            self.outbox.take(number);
            self.taken += 1;
        }
        Ok(())
    }

    /// Sends the oldest orders and waits for the broker's answer to each of them. Unconfirmed orders stay in the outbox.
    /// Returns their number.
    async fn publish(&mut self, channel: &Channel) -> Result<usize, lapin::Error> {
        let mut answers = Vec::new();
        for (number, again) in self.outbox.to_send(BATCH_SIZE) {
            self.counts.published += 1;
            self.counts.resent += u64::from(again);
            let (payload, properties) = message(number);
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let sent =
                channel.basic_publish(EXCHANGE.into(), ORDER_CONFIRMED.into(), options, &payload, properties);
            answers.push((number, sent.await?));
        }
        let mut refused = 0;
        for (number, answer) in answers {
            // A confirmation with a message means that no queue accepted the order and the broker returned it.
            if answer.await? == Confirmation::Ack(None) {
                if let Err(error) = self.outbox.confirmed(number) {
                    tracing::error!("cannot record a confirmation: {error}");
                    refused += 1;
                    continue;
                }
                self.counts.confirmed += 1;
                self.counts.progress(Instant::now());
            } else {
                refused += 1;
            }
        }
        Ok(refused)
    }
}

impl Work for Payment {
    async fn on(&mut self, session: &Session, mut signal: Pin<&mut impl Future<Output = Signal>>) -> End {
        let channel = match answer(open(session)).await {
            Ok(channel) => channel,
            Err(why) => return End::Lost(why),
        };
        let mut batch = tokio::time::interval(BATCH_EVERY);
        loop {
            // At this point no confirmation is pending: each batch is confirmed, refused, or lost with its connection.
            tokio::select! {
                biased;
                signal = &mut signal, if !self.stopping => match signal {
                    Signal::Replaced(next) => return End::Replaced(next),
                    Signal::Stop => self.stopping = true,
                },
                _ = batch.tick() => {}
            }
            if !self.stopping
                && let Err(error) = self.take_orders(Instant::now())
            {
                tracing::error!("cannot take orders: {error}");
            }
            match tokio::time::timeout(CONFIRM_LIMIT, self.publish(&channel)).await {
                Ok(Ok(0)) => {}
                Ok(Ok(refused)) => {
                    tracing::warn!("the broker has no queue or no space for {refused} orders");
                    tokio::time::sleep(PAUSE_AFTER_REFUSAL).await;
                }
                Ok(Err(error)) => return End::Lost(error.to_string()),
                Err(_) => return End::Lost(format!("no confirmation within {CONFIRM_LIMIT:?}")),
            }
            if self.stopping && self.outbox.is_empty() {
                return End::Stopped;
            }
        }
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }
}

async fn open(session: &Session) -> Result<Channel, lapin::Error> {
    let channel = session.connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// The message for an order: its body, and its properties. It is persistent, so that it survives a restart of the broker.
#[must_use]
pub fn message(number: u64) -> (Vec<u8>, BasicProperties) {
    let id = order_id(number);
    let payload = serde_json::to_vec(&OrderConfirmed { order_id: id.clone() }).unwrap_or_default();
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(id.into());
    (payload, properties)
}

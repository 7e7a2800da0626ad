//! The publisher: nothing is gone before the broker has confirmed it.
//!
//! Messages are persistent, so they survive a restart of the broker, and mandatory, so one that no queue takes comes back
//! instead of vanishing. A lost connection leaves some orders unconfirmed, of which the broker may have some: they
//! are sent again with the same id, and whoever receives one twice can tell.

use std::pin::Pin;
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};

use crate::connection::Session;
use crate::ledger::Ledger;
use crate::outbox::Outbox;
use crate::report::Counts;
use crate::service::{End, Signal, Work, answer};
use crate::topology::{EXCHANGE, ORDER_CONFIRMED, OrderConfirmed};

/// How often orders go out, and at most how many.
const BATCH_EVERY: Duration = Duration::from_millis(25);
const BATCH_SIZE: usize = 500;
/// A broker that has not confirmed by then (a memory alarm, a cut network) is as good as lost.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
/// Before orders that no queue took, or that the broker could not store, are sent again.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(1);
const PERSISTENT: u8 = 2;

/// Payment: takes orders at a steady rate, whatever the broker does, and publishes them.
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
    /// Orders go into `orders` when they are taken.
    #[must_use]
    pub fn new(orders: Ledger, orders_per_second: u32, now: Instant) -> Self {
        Self {
            orders,
            outbox: Outbox::default(),
            began: now,
            orders_per_second,
            taken: 0,
            stopping: false,
            counts: Counts::default(),
        }
    }

    /// What it has counted until now.
    #[must_use]
    pub fn into_counts(mut self) -> Counts {
        self.counts.unconfirmed = self.outbox.len() as u64;
        self.counts
    }

    /// Customers do not wait for the broker: what they ordered while it was away is taken now.
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

    /// Sends the oldest orders and waits until the broker has answered for all of them. What it does not confirm stays in
    /// the outbox; how many those are.
    async fn publish(&mut self, channel: &Channel) -> Result<usize, lapin::Error> {
        let mut answers = Vec::new();
        for (number, again) in self.outbox.to_send(BATCH_SIZE) {
            self.counts.published += 1;
            self.counts.resent += u64::from(again);
            let id = order_id(number);
            let payload = serde_json::to_vec(&OrderConfirmed { order_id: id.clone() }).unwrap_or_default();
            let properties = BasicProperties::default()
                .with_delivery_mode(PERSISTENT)
                .with_content_type("application/json".into())
                .with_message_id(id.into());
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let sent =
                channel.basic_publish(EXCHANGE.into(), ORDER_CONFIRMED.into(), options, &payload, properties);
            answers.push((number, sent.await?));
        }
        let mut refused = 0;
        for (number, answer) in answers {
            // With a message in it, no queue took the order and it came back.
            if answer.await? == Confirmation::Ack(None) {
                self.outbox.confirmed(number);
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
            // Here nothing is under way: each batch is answered for, or lost with its connection.
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
                tracing::error!("no orders are taken: {error}");
            }
            match tokio::time::timeout(CONFIRM_LIMIT, self.publish(&channel)).await {
                Ok(Ok(0)) => {}
                Ok(Ok(refused)) => {
                    tracing::warn!("the broker has no queue, or no room, for {refused} orders");
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

fn order_id(number: u64) -> String {
    format!("order-{number:07}")
}

//! A producer and a consumer with lapin that neither lose nor repeat an order while their credentials rotate.
//!
//! `docs/src/clients/lapin.md` explains what matters. After SIGTERM, the program takes no more orders, finishes those that
//! it has, and prints its counts.

mod arguments;
mod files;
mod session;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser as _;
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicPublishOptions, BasicRejectOptions};
use lapin::{BasicProperties, Confirmation};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::arguments::Arguments;
use crate::files::Ledger;
use crate::session::Session;

/// The exchange of the example.
const EXCHANGE: &str = "clients";
const PERSISTENT: u8 = 2;
/// The interval between batches of orders, and the maximum size of a batch.
const BATCH_EVERY: Duration = Duration::from_millis(50);
const BATCH_SIZE: usize = 200;
/// The interval of checks for changes in the volume.
const LOOK: Duration = Duration::from_millis(500);
/// The time limit for confirmations and acknowledgements. After it, the connection counts as lost. lapin may never end a
/// call that was made in the moment when the connection was lost.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The time limit to finish after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// What happened, for the report.
#[derive(Debug, Default)]
struct Counts {
    confirmed: u64,
    resent: u64,
    redelivered: u64,
    duplicates: u64,
    replaced: u64,
    lost: u64,
}

/// How the work on a connection ended.
enum End {
    /// The next connection is open already.
    Replaced(Box<Session>),
    Lost(String),
    Stopped,
}

struct Client {
    arguments: Arguments,
    ledger: Ledger,
    counts: Counts,
    began: Instant,
    orders_before: u64,
    stop: watch::Receiver<bool>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Log other crates at WARN or above, because at lower levels some crates print what they send.
    let filter = tracing_subscriber::EnvFilter::new("warn,lapin_client=info");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all orders are finished.
async fn run(arguments: Arguments) -> std::io::Result<bool> {
    let ledger = Ledger::open(&arguments.ledger)?;
    let (stopper, stop) = watch::channel(false);
    let (orders_before, began) = (ledger.orders, Instant::now());
    let mut client = Client { arguments, ledger, counts: Counts::default(), began, orders_before, stop };
    let mut terminate = signal(SignalKind::terminate())?;
    let too_late = async {
        terminate.recv().await;
        // If nobody receives this, the work is over.
        let _ = stopper.send(true);
        tokio::time::sleep(STOP_LIMIT).await;
    };
    tokio::select! {
        () = client.work() => {}
        () = too_late => tracing::error!("not finished within {STOP_LIMIT:?}"),
    }
    let Counts { confirmed, resent, redelivered, duplicates, replaced, lost } = client.counts;
    let report = serde_json::json!({
        "confirmed": confirmed, "resent": resent, "redelivered": redelivered, "duplicates": duplicates,
        "replaced": replaced, "lost": lost,
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(client.ledger.is_complete())
}

impl Client {
    async fn work(&mut self) {
        let mut session = session::connect(&self.arguments).await;
        loop {
            // The order matters: the next connection is open before the old one is closed.
            let next = match self.work_on(&mut session).await {
                End::Stopped => break,
                End::Replaced(next) => {
                    self.counts.replaced += 1;
                    *next
                }
                End::Lost(why) => {
                    self.counts.lost += 1;
                    tracing::warn!("the connection is lost: {why}");
                    session::connect(&self.arguments).await
                }
            };
            std::mem::replace(&mut session, next).close().await;
        }
        session.close().await;
    }

    async fn work_on(&mut self, session: &mut Session) -> End {
        let mut batch = tokio::time::interval(BATCH_EVERY);
        let mut look = tokio::time::interval(LOOK);
        loop {
            let done = tokio::select! {
                message = session.messages.next() => match message {
                    Some(Ok(message)) => limited(self.consume(message)).await,
                    Some(Err(error)) => Err(error.to_string()),
                    None => Err("the broker ended the subscription".to_owned()),
                },
                _ = batch.tick() => {
                    self.take_orders();
                    limited(self.publish(session)).await
                }
                _ = look.tick() => match self.look(session).await {
                    Ok(Some(next)) => return End::Replaced(next),
                    Ok(None) => Ok(()),
                    Err(why) => Err(why),
                },
            };
            if let Err(why) = done {
                return End::Lost(why);
            }
            if *self.stop.borrow() && self.ledger.is_complete() {
                return End::Stopped;
            }
        }
    }

    /// Opens the next connection if the volume has changed. If this fails, the old connection stays in use.
    async fn look(&self, session: &Session) -> Result<Option<Box<Session>>, String> {
        if !session.connection.status().connected() {
            return Err("no reason was given".to_owned());
        }
        let version = files::version(&self.arguments.credentials);
        if version.is_ok_and(|version| version == session.version) {
            return Ok(None);
        }
        match session::attempt(&self.arguments).await {
            Ok(next) => Ok(Some(Box::new(next))),
            Err(why) => {
                tracing::warn!("the old connection is still in use: {why}");
                Ok(None)
            }
        }
    }

    /// Takes the orders that are due, also those that arrived while there was no connection.
    fn take_orders(&mut self) {
        let due = self.began.elapsed().as_millis() * u128::from(self.arguments.orders_per_second) / 1_000;
        while !*self.stop.borrow() && u128::from(self.ledger.orders - self.orders_before) < due {
            if let Err(error) = self.ledger.take() {
                tracing::error!("an order cannot be taken: {error}");
                return;
            }
        }
    }

    /// Sends the oldest unconfirmed orders, and waits for the broker's answer to each. An order without a positive answer
    /// stays in the outbox, and is sent again with the same ID.
    async fn publish(&mut self, session: &Session) -> Result<(), String> {
        let mut answers = Vec::new();
        for (number, attempts) in self.ledger.outbox.iter_mut().take(BATCH_SIZE) {
            self.counts.resent += u64::from(*attempts > 0);
            *attempts += 1;
            let id = files::id(*number);
            let properties =
                BasicProperties::default().with_delivery_mode(PERSISTENT).with_message_id(id.as_str().into());
            // The broker returns a mandatory message that no queue accepts. Otherwise, it would confirm and drop it.
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let key = self.arguments.queue.as_str();
            let sent = session.publisher.basic_publish(
                EXCHANGE.into(),
                key.into(),
                options,
                id.as_bytes(),
                properties,
            );
            answers.push((*number, sent.await.map_err(|error| error.to_string())?));
        }
        for (number, answer) in answers {
            if answer.await.map_err(|error| error.to_string())? == Confirmation::Ack(None) {
                self.ledger.outbox.remove(&number);
                self.counts.confirmed += 1;
            }
        }
        Ok(())
    }

    /// Does the work first, then acknowledges. If the work fails, the message is not acknowledged and comes again.
    async fn consume(&mut self, message: Delivery) -> Result<(), String> {
        self.counts.redelivered += u64::from(message.redelivered);
        let Ok(order) = std::str::from_utf8(&message.data) else {
            let reject = message.reject(BasicRejectOptions { requeue: false }).await;
            return reject.map(drop).map_err(|error| error.to_string());
        };
        let is_new = self.ledger.finish(order).map_err(|error| error.to_string())?;
        self.counts.duplicates += u64::from(!is_new);
        message.ack(BasicAckOptions::default()).await.map(drop).map_err(|error| error.to_string())
    }
}

async fn limited(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    match tokio::time::timeout(ANSWER_LIMIT, work).await {
        Ok(done) => done,
        Err(_) => Err(format!("no answer within {ANSWER_LIMIT:?}")),
    }
}

//! What all three services have in common: one connection after the other, until they are asked to stop.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::sync::watch;

use crate::connection::{Connector, Session};
use crate::report::Counts;

/// How long the broker may take over an answer. lapin has no limit of its own, and never ends a call that was made in the
/// moment in which its connection was lost.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How often a connection is looked at, and how long the work has to notice by itself that it is lost. A call or a
/// subscription of that moment may never be told.
const LOOK: Duration = Duration::from_millis(500);
const NOTICE: Duration = Duration::from_secs(2);
/// How long goodbye may take before the connection is dropped.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// Before a connection that follows one on which nothing could be done, because a queue is missing for instance.
const PAUSE_AFTER_NOTHING: Duration = Duration::from_secs(2);

/// What a service that is at work is told.
#[derive(Debug)]
pub enum Signal {
    /// Finish what is under way, then go on with this connection.
    Replaced(Box<Session>),
    /// Finish what is under way, and all that was taken on.
    Stop,
}

/// How the work on one connection ended.
#[derive(Debug)]
pub enum End {
    /// Nothing is under way on it any more; the next one stands already.
    Replaced(Box<Session>),
    /// It is lost, with whatever was under way on it.
    Lost(String),
    /// All is done.
    Stopped,
}

/// The work of a service on one connection.
pub trait Work {
    /// Works until it is told something, or the connection is lost.
    fn on(
        &mut self,
        session: &Session,
        signal: Pin<&mut impl Future<Output = Signal>>,
    ) -> impl Future<Output = End>;

    /// Where to count.
    fn counts(&mut self) -> &mut Counts;
}

/// What the broker answers.
///
/// # Errors
/// Why the connection counts as lost: the broker's error, or no answer in time.
pub async fn answer<T>(call: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER_LIMIT, call).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the broker did not answer within {ANSWER_LIMIT:?}")),
    }
}

/// Runs a service until it is told to `stop` and has finished.
pub async fn run(connector: &Connector, work: &mut impl Work, stop: watch::Receiver<bool>) {
    let mut session = connector.connect().await;
    loop {
        let done_before = work.counts().done();
        let end = {
            let signal = pin!(signal(connector, &session, stop.clone()));
            tokio::select! {
                end = work.on(&session, signal) => end,
                () = lost(&session) => End::Lost("it gave no reason".to_owned()),
            }
        };
        // In this order: the next connection stands before the old one goes.
        let next = match end {
            End::Replaced(next) => {
                work.counts().replaced += 1;
                *next
            }
            End::Lost(why) => {
                work.counts().lost += 1;
                tracing::warn!("the connection is lost: {why}");
                if work.counts().done() == done_before {
                    tokio::time::sleep(PAUSE_AFTER_NOTHING).await;
                }
                connector.connect().await
            }
            End::Stopped => break,
        };
        close(&std::mem::replace(&mut session, next)).await;
    }
    close(&session).await;
}

async fn signal(connector: &Connector, session: &Session, mut stop: watch::Receiver<bool>) -> Signal {
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => Signal::Stop,
        next = connector.replacement(session) => Signal::Replaced(Box::new(next)),
    }
}

/// Ends some time after the connection.
async fn lost(session: &Session) {
    while session.connection.status().connected() {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(NOTICE).await;
}

async fn close(session: &Session) {
    // One that is lost already, or a broker that does not answer: nothing is under way any more.
    let _ = tokio::time::timeout(CLOSE_LIMIT, session.connection.close(200, "bye".into())).await;
}

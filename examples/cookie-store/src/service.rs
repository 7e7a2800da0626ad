//! The common part of the three services: it opens one connection after the other, until the service must stop.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::sync::watch;

use crate::connection::{Connector, Session};
use crate::report::Counts;

/// The time limit for an answer of the broker. lapin has no limit. If a connection is lost during a call, lapin may never
/// end that call.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The interval of checks for a lost connection, and the time that the work has to detect the loss itself. lapin may not
/// report the loss to a call or a subscription that starts at the same time.
const LOOK: Duration = Duration::from_millis(500);
const NOTICE: Duration = Duration::from_secs(2);
/// The time limit to close a connection. After it, the connection is dropped.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// The wait before the next connection if no work was possible on the last one, for example because a queue is missing.
const PAUSE_AFTER_NOTHING: Duration = Duration::from_secs(2);

/// An instruction for a running service.
#[derive(Debug)]
pub enum Signal {
    /// Finish the current work, then continue on this connection.
    Replaced(Box<Session>),
    /// Finish the current work and everything that was accepted, then stop.
    Stop,
}

/// How the work on one connection ended.
#[derive(Debug)]
pub enum End {
    /// The work on it is finished. The next connection is open already.
    Replaced(Box<Session>),
    /// The connection is lost, with its current work.
    Lost(String),
    /// All work is finished.
    Stopped,
}

/// The work of a service on one connection.
pub trait Work {
    /// Works until it gets an instruction, or the connection is lost.
    fn on(
        &mut self,
        session: &Session,
        signal: Pin<&mut impl Future<Output = Signal>>,
    ) -> impl Future<Output = End>;

    /// The counts.
    fn counts(&mut self) -> &mut Counts;
}

/// Waits for the broker's answer.
///
/// # Errors
/// When the broker reports an error or does not answer in time. Then the connection counts as lost.
pub async fn answer<T>(call: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER_LIMIT, call).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the broker did not answer within {ANSWER_LIMIT:?}")),
    }
}

/// Runs a service until `stop`, and until its work is finished.
pub async fn run(connector: &Connector, work: &mut impl Work, stop: watch::Receiver<bool>) {
    let mut session = connector.connect().await;
    loop {
        let done_before = work.counts().done();
        let end = {
            let signal = pin!(signal(connector, &session, stop.clone()));
            tokio::select! {
                end = work.on(&session, signal) => end,
                () = lost(&session) => End::Lost("no reason was given".to_owned()),
            }
        };
        // The order matters: the next connection is open before the old one is closed.
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

/// Ends some time after the connection is lost.
async fn lost(session: &Session) {
    while session.connection.status().connected() {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(NOTICE).await;
}

async fn close(session: &Session) {
    // The connection may be lost, or the broker may not answer. No work is left, so errors do not matter.
    let _ = tokio::time::timeout(CLOSE_LIMIT, session.connection.close(200, "bye".into())).await;
}

//! The Runtime API of Lambda for one process: it hands out an event, and takes the answer.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::clock;

const VERSION: &str = "/2018-06-01/runtime/";

/// The server. It ends when dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: String,
    timeout: Duration,
    signals: mpsc::UnboundedReceiver<Signal>,
    /// The poll of the function that waits for an event.
    poll: Option<oneshot::Sender<Event>>,
    invocations: u64,
    server: JoinHandle<()>,
}

/// One invocation.
#[derive(Debug)]
pub struct Exchange {
    /// From the event to the answer.
    pub answered: Duration,
    /// From the event to the next poll. Lambda bills this time.
    pub ended: Duration,
    /// The answer.
    pub answer: Value,
}

#[derive(Debug)]
struct Event {
    id: String,
    body: String,
    deadline_ms: u128,
}

/// What the function calls.
#[derive(Debug)]
enum Signal {
    Next(Instant, oneshot::Sender<Event>),
    Response { at: Instant, id: String, body: Bytes },
    Error { id: String, body: Bytes },
    InitError(Bytes),
    Unknown(String),
}

/// What all connections share.
#[derive(Debug)]
struct Server {
    function: String,
    signals: mpsc::UnboundedSender<Signal>,
}

impl RuntimeApi {
    /// Listens on a free port of loopback, for the function with this ARN and timeout.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(function: &str, timeout: Duration) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port on loopback")?;
        let address = listener.local_addr()?.to_string();
        let (sender, signals) = mpsc::unbounded_channel();
        let shared = Arc::new(Server { function: function.to_owned(), signals: sender });
        let server = tokio::spawn(accept(listener, shared));
        Ok(Self { address, timeout, signals, poll: None, invocations: 0, server })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Waits for the first poll, with which the init phase ends.
    ///
    /// # Errors
    /// When the function reports that it cannot start.
    pub async fn first_poll(&mut self) -> Result<Instant> {
        self.next_poll().await
    }

    /// Hands out an event, and waits for the answer and the next poll. [`RuntimeApi::first_poll`] comes before.
    ///
    /// # Errors
    /// When the function reports an error, does not answer within its timeout, or answers something else.
    pub async fn invoke(&mut self, event: &Value) -> Result<Exchange> {
        let poll = self.poll.take().context("the function has not asked for an event")?;
        self.invocations += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.invocations);
        let deadline_ms = clock::milliseconds() + self.timeout.as_millis();
        let (body, timeout) = (event.to_string(), self.timeout);
        let began = Instant::now();
        let sent = poll.send(Event { id: id.clone(), body, deadline_ms });
        ensure!(sent.is_ok(), "the function has closed the connection on which it asked for an event");
        let exchange = async {
            let (at, body) = match self.signal().await? {
                Signal::Response { at, id: answered, body } if answered == id => (at, body),
                other => bail!("the function did not answer the event: {}", described(&other)),
            };
            let answer = serde_json::from_slice(&body).context("the answer is not JSON")?;
            let ended = self.next_poll().await?.duration_since(began);
            Ok(Exchange { answered: at.duration_since(began), ended, answer })
        };
        let limited = tokio::time::timeout(timeout, exchange).await;
        limited.with_context(|| format!("the function has not ended within its timeout of {timeout:?}"))?
    }

    async fn next_poll(&mut self) -> Result<Instant> {
        match self.signal().await? {
            Signal::Next(at, poll) => {
                self.poll = Some(poll);
                Ok(at)
            }
            other => bail!("the function did not ask for an event: {}", described(&other)),
        }
    }

    async fn signal(&mut self) -> Result<Signal> {
        self.signals.recv().await.context("the Runtime API has ended")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn described(signal: &Signal) -> String {
    let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
    match signal {
        Signal::Next(..) => "it asked for the next one".to_owned(),
        Signal::Response { id, .. } => format!("it answered the event {id}"),
        Signal::Error { id, body } => format!("it failed with the event {id}: {}", text(body)),
        Signal::InitError(body) => format!("it cannot start: {}", text(body)),
        Signal::Unknown(call) => format!("it called {call}, which is not known"),
    }
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    let mut connections = tokio::task::JoinSet::new();
    // A failed accept concerns only one connection. The set ends the connections with this task.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, Arc::clone(&server)));
        }
    }
}

async fn serve(stream: TcpStream, server: Arc<Server>) {
    // Without this, an answer may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(Arc::clone(&server), request));
    // The connection breaks when the function is killed.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let called_at = Instant::now();
    let path = head.uri.path().strip_prefix(VERSION).unwrap_or_default().to_owned();
    if head.method == Method::GET && path == "invocation/next" {
        return Ok(next(&server, called_at).await);
    }
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let id_before = |end: &str| Some(path.strip_prefix("invocation/")?.strip_suffix(end)?.to_owned());
    let signal = if let Some(id) = id_before("/response") {
        Signal::Response { at: Instant::now(), id, body }
    } else if let Some(id) = id_before("/error") {
        Signal::Error { id, body }
    } else if path == "init/error" {
        Signal::InitError(body)
    } else {
        Signal::Unknown(format!("{} {}", head.method, head.uri.path()))
    };
    let known = !matches!(signal, Signal::Unknown(_));
    // Nobody listens while the server is dropped.
    let _ = server.signals.send(signal);
    let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
    *response.status_mut() = if known { StatusCode::ACCEPTED } else { StatusCode::NOT_FOUND };
    Ok(response)
}

/// Waits for an event, as long as the connection is open.
async fn next(server: &Server, called_at: Instant) -> Response<Full<Bytes>> {
    let (sender, event) = oneshot::channel();
    let _ = server.signals.send(Signal::Next(called_at, sender));
    let Ok(event) = event.await else {
        let mut gone = Response::new(Full::from("the environment ends"));
        *gone.status_mut() = StatusCode::GONE;
        return gone;
    };
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", event.id)
        .header("lambda-runtime-deadline-ms", event.deadline_ms.to_string())
        .header("lambda-runtime-invoked-function-arn", &server.function)
        .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0")
        .body(Full::from(event.body));
    response.unwrap_or_default()
}

#[cfg(test)]
mod tests;

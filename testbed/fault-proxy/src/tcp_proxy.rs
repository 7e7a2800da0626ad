//! A TCP proxy on loopback for faults below HTTP, and for AMQPS, which is TLS from the first byte.
//!
//! It runs on its own thread and ends when dropped, as [`crate::FaultProxy`] does.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use sandbox::background::Background;
use sandbox::ports::PortBlock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// The fault of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpFault {
    /// The proxy accepts it, and closes it before it forwards a byte.
    Close,
    /// The proxy closes it after the server has sent this number of bytes.
    CutAfter(usize),
    /// The proxy accepts it, and then never sends or reads a byte.
    BlackHole,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

/// A running proxy. It ends when dropped.
pub struct TcpProxy {
    ports: PortBlock,
    state: Arc<State>,
    wanted: watch::Sender<bool>,
    listening: watch::Receiver<bool>,
    _background: Background,
}

struct State {
    upstreams: Vec<u16>,
    plan: Mutex<Plan>,
    /// A change ends the open connections.
    generation: watch::Sender<()>,
}

#[derive(Default)]
struct Plan {
    connections: usize,
    always: Option<TcpFault>,
    planned: BTreeMap<usize, (TcpFault, Option<Hook>)>,
}

impl TcpProxy {
    /// Proxies to a loopback port.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(upstream: u16) -> Result<Self> {
        Self::balance(vec![upstream])
    }

    /// Proxies each connection to the next of several ports, as a load balancer does.
    ///
    /// # Errors
    /// When no port is free.
    pub fn balance(upstreams: Vec<u16>) -> Result<Self> {
        // The port is from a block, so that it stays reserved while the proxy does not listen on it.
        let ports = PortBlock::reserve()?;
        let port = ports.port(0);
        let state = Arc::new(State { upstreams, plan: Mutex::default(), generation: watch::Sender::new(()) });
        let (wanted, orders) = watch::channel(true);
        let (report, listening) = watch::channel(true);
        let listener = bind(port)?;
        let accepting = Arc::clone(&state);
        let work = move || accept(port, listener, orders, report, accepting);
        let background = Background::run("tcp proxy", work)?;
        Ok(Self { ports, state, wanted, listening, _background: background })
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.port(0)
    }

    /// The number of accepted connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.plan().connections
    }

    /// Plans a fault at the `nth` connection from now (from 1), and a hook that runs when it is accepted.
    pub fn fault_at(&self, nth: usize, fault: TcpFault, hook: Option<Hook>) {
        let mut plan = self.state.plan();
        let number = plan.connections + nth;
        plan.planned.insert(number, (fault, hook));
    }

    /// Sets a fault for every connection from now, or removes it.
    pub fn fault_always(&self, fault: Option<TcpFault>) {
        self.state.plan().always = fault;
    }

    /// Ends all connections that are open.
    pub fn cut(&self) {
        self.state.generation.send_replace(());
    }

    /// Stops listening without a wait, for a hook, which cannot wait. A connection that arrives before the stop is
    /// closed. [`TcpProxy::forget_faults`] and [`TcpProxy::listen`] undo it.
    pub fn refuse(&self) {
        self.fault_always(Some(TcpFault::Close));
        // Without a receiver, the proxy has ended and no connection can arrive.
        let _ = self.wanted.send(false);
    }

    /// As [`TcpProxy::refuse`], and ends all connections, like a host that goes down.
    pub fn go_away(&self) {
        self.refuse();
        self.cut();
    }

    /// Removes all planned faults.
    pub fn forget_faults(&self) {
        let mut plan = self.state.plan();
        plan.always = None;
        plan.planned.clear();
    }

    /// Stops or starts listening. While the proxy does not listen, connections are refused. Returns after the change.
    ///
    /// # Errors
    /// When the proxy has ended.
    pub async fn listen(&self, listen: bool) -> Result<()> {
        if *self.wanted.borrow() == listen && *self.listening.borrow() == listen {
            // A second bind would refuse connections for a moment.
            return Ok(());
        }
        self.wanted.send(listen).context("the proxy has ended")?;
        let mut listening = self.listening.clone();
        listening.wait_for(|now| *now == listen).await.context("the proxy could not listen again")?;
        Ok(())
    }
}

impl fmt::Debug for TcpProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TcpProxy").field("port", &self.port()).finish_non_exhaustive()
    }
}

impl State {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept(
    port: u16,
    listener: TcpListener,
    mut orders: watch::Receiver<bool>,
    report: watch::Sender<bool>,
    state: Arc<State>,
) {
    let mut listener = tokio::net::TcpListener::from_std(listener).ok();
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = accepted => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(connection(stream, Arc::clone(&state)));
                }
            }
            changed = orders.changed() => {
                if changed.is_err() {
                    return;
                }
                // The old listener is dropped first, because the port must be free.
                drop(listener.take());
                if *orders.borrow_and_update() {
                    let Ok(bound) = bind(port) else { return };
                    listener = tokio::net::TcpListener::from_std(bound).ok();
                }
                report.send_replace(listener.is_some());
            }
        }
    }
}

async fn connection(client: TcpStream, state: Arc<State>) {
    let (number, fault, hook) = {
        let mut plan = state.plan();
        plan.connections += 1;
        let number = plan.connections;
        let planned = plan.planned.remove(&number);
        let (fault, hook) = planned.map_or((plan.always, None), |(fault, hook)| (Some(fault), hook));
        (number, fault, hook)
    };
    let Some(upstream) = state.upstreams.get(number % state.upstreams.len().max(1)).copied() else { return };
    let mut generation = state.generation.subscribe();
    if let Some(hook) = hook {
        // The panic of a hook is already printed. The connection continues.
        let _ = tokio::task::spawn_blocking(move || hook()).await;
    }
    let passing = async {
        match fault {
            Some(TcpFault::Close) => {}
            Some(TcpFault::BlackHole) => std::future::pending().await,
            Some(TcpFault::CutAfter(bytes)) => pass(client, upstream, bytes).await,
            None => pass(client, upstream, usize::MAX).await,
        }
    };
    tokio::select! {
        () = passing => {}
        _ = generation.changed() => {}
    }
}

/// Forwards bytes in both directions until one side ends, or the server has sent `limit` bytes.
async fn pass(client: TcpStream, upstream: u16, limit: usize) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let down = async {
        let mut left = limit;
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            let count = count.min(left);
            left -= count;
            if to_client.write_all(buffer.get(..count).unwrap_or_default()).await.is_err() || left == 0 {
                return;
            }
        }
    };
    let up = async {
        // The client may end its side while the server still answers.
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = down => {}
        () = up => {}
    }
}

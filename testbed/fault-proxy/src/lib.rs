//! An HTTP proxy on loopback that injects a fault of a network or service at one chosen call: it drops, loses, cuts,
//! delays or refuses the call.
//!
//! It runs in front of the broker's management API (TLS with the testbed's certificate) or the AWS emulator (plain
//! HTTP). It records every call, so that a test can list the calls of a clean run and then repeat the run with each fault
//! at each call. It runs on its own thread, so that a test that blocks does not stop it. It ends when dropped.

mod exchange;
mod rule;
pub mod tcp_proxy;

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sandbox::background::Background;
use sandbox::certificates::{Certificates, client_config, client_without_roots};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

pub use self::rule::{Call, Fault, Rule};

/// A running proxy. It ends when dropped.
pub struct FaultProxy {
    url: String,
    state: Arc<State>,
    _background: Background,
}

/// The state that the connections share.
struct State {
    upstream: String,
    client: reqwest::Client,
    journal: Mutex<Journal>,
    replacements: Mutex<Vec<(String, String)>>,
}

#[derive(Default)]
struct Journal {
    calls: Vec<Call>,
    rules: Vec<Rule>,
}

impl FaultProxy {
    /// Proxies plain HTTP, for the AWS emulator: `upstream` is `http://127.0.0.1:<port>`.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn http(upstream: &str) -> Result<Self> {
        Self::start(upstream, None)
    }

    /// Proxies HTTPS, for the management API: `upstream` is `https://localhost:<port>`. The proxy verifies its
    /// certificate, as every client of the testbed does.
    ///
    /// # Errors
    /// When no port can be bound or the certificates cannot be read.
    pub fn https(upstream: &str, certificates: &Certificates) -> Result<Self> {
        Self::start(upstream, Some(certificates))
    }

    /// The proxy's URL: `http://127.0.0.1:<port>` or `https://localhost:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a rule for future calls.
    pub fn inject(&self, rule: Rule) {
        self.state.journal().rules.push(rule);
    }

    /// The calls so far, in the order of their arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state.journal().calls.clone()
    }

    /// The number of calls so far that match.
    #[must_use]
    pub fn count(&self, matches: impl Fn(&Call) -> bool) -> usize {
        self.state.journal().calls.iter().filter(|call| matches(call)).count()
    }

    /// Replaces `from` with `to` in future answers, so that an endpoint in an answer leads through another proxy.
    pub fn replace_in_answers(&self, from: &str, to: &str) {
        self.state.replacements().push((from.to_owned(), to.to_owned()));
    }

    /// Forgets calls and rules.
    pub fn reset(&self) {
        *self.state.journal() = Journal::default();
    }

    fn start(upstream: &str, certificates: Option<&Certificates>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let acceptor = certificates.map(Certificates::server_config).transpose()?;
        let acceptor = acceptor.map(|config| TlsAcceptor::from(Arc::new(config)));
        let scheme = if acceptor.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        let state = Arc::new(State {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client: client(certificates.map(Certificates::ca_pem))?,
            journal: Mutex::default(),
            replacements: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        let background = Background::run("fault proxy", move || accept(listener, acceptor, serving))?;
        Ok(Self { url: format!("{scheme}:{port}"), state, _background: background })
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FaultProxy").field("url", &self.url).finish_non_exhaustive()
    }
}

impl State {
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replacements(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.replacements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Longer than a rotation, and shorter than the time for which any upstream keeps an idle connection.
const KEPT: Duration = Duration::from_secs(2);

/// The client does not retry, follow redirects or time out, because the two sides do this. It keeps connections to
/// upstream for a short time, because a TLS handshake for each call would cost more than everything else.
fn client(ca_pem: Option<PathBuf>) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(8)
        .pool_idle_timeout(KEPT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    if let Some(ca_pem) = ca_pem {
        builder = builder.tls_backend_preconfigured(client_config(&ca_pem)?);
    } else {
        builder = builder.tls_backend_preconfigured(client_without_roots()?);
    }
    Ok(builder.build()?)
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    // A failed accept concerns only one connection.
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            match acceptor {
                None => serve(stream, state).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let service = service_fn(|request| exchange::exchange(Arc::clone(&state), request));
    // Broken connections are the purpose of this proxy.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

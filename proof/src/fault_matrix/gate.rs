//! The gate of one dependency of a stand: a proxy for HTTP faults behind a proxy for faults below HTTP.

use std::sync::Arc;

use anyhow::Result;
use testbed::certificates::Certificates;
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};
use testbed::tcp_proxy::TcpProxy;

/// Both proxies. They end when dropped.
#[derive(Debug)]
pub struct Gate {
    tcp: Arc<TcpProxy>,
    http: FaultProxy,
    url: String,
}

impl Gate {
    /// Creates a gate in front of `upstream`, with TLS if there are `certificates`.
    ///
    /// # Errors
    /// When no port is free.
    pub fn before(upstream: &str, certificates: Option<&Certificates>) -> Result<Self> {
        let (http, scheme) = match certificates {
            None => (FaultProxy::http(upstream)?, "http"),
            Some(certificates) => (FaultProxy::https(upstream, certificates)?, "https"),
        };
        let port = http.url().rsplit(':').next().unwrap_or_default().parse()?;
        let tcp = Arc::new(TcpProxy::start(port)?);
        let url = format!("{scheme}://localhost:{}", tcp.port());
        Ok(Self { tcp, http, url })
    }

    /// The URL that the function calls.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The proxy for HTTP.
    #[must_use]
    pub fn http(&self) -> &FaultProxy {
        &self.http
    }

    /// The calls since the last [`Gate::open`].
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.http.calls()
    }

    /// The number of calls since then that were not reads.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.http.count(|call| call.method != "GET")
    }

    /// Plans `fault` at the `nth` call that matches, and at all later ones if it `lasts`. `at_it` runs at the fault.
    pub fn arm(
        &self,
        nth: usize,
        matches: impl Fn(&Call) -> bool + Send + Sync + 'static,
        fault: Fault,
        lasts: bool,
        at_it: impl Fn() + Send + Sync + 'static,
    ) {
        let rule = Rule::at(nth, matches, fault).times(if lasts { usize::MAX } else { 1 });
        self.http.inject(rule.hook(move |_| at_it()));
    }

    /// A hook that refuses every connection until the gate is opened.
    pub fn refusal(&self) -> impl Fn() + Send + Sync + 'static {
        let tcp = Arc::clone(&self.tcp);
        move || tcp.go_away()
    }

    /// Refuses every connection from now on, as a service that restarts does.
    pub fn go_away(&self) {
        self.tcp.go_away();
    }

    /// Accepts connections again. Planned faults of calls stay.
    ///
    /// # Errors
    /// When the proxy has ended.
    pub async fn come_back(&self) -> Result<()> {
        self.tcp.forget_faults();
        self.tcp.listen(true).await
    }

    /// Removes faults and recorded calls, and accepts all connections.
    ///
    /// # Errors
    /// When the proxy has ended.
    pub async fn open(&self) -> Result<()> {
        self.http.reset();
        self.tcp.forget_faults();
        self.tcp.listen(true).await
    }
}

//! One dependency of one stand: a proxy for faults in HTTP behind one for faults below it.

use std::sync::Arc;

use anyhow::Result;
use testbed::certificates::Certificates;
use testbed::fault_proxy::{Call, Fault, FaultProxy, Rule};
use testbed::tcp_proxy::TcpProxy;

/// Both proxies; they end when dropped.
#[derive(Debug)]
pub struct Gate {
    tcp: Arc<TcpProxy>,
    http: FaultProxy,
    url: String,
}

impl Gate {
    /// Before `upstream`, with TLS when it has `certificates`.
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

    /// Where the function calls it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The proxy for HTTP.
    #[must_use]
    pub fn http(&self) -> &FaultProxy {
        &self.http
    }

    /// The calls since it was opened last.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.http.calls()
    }

    /// How many calls since then were no reads.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.http.count(|call| call.method != "GET")
    }

    /// `fault` at the `nth` call that matches, and at all that follow when it `lasts`; `at_it` runs there.
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

    /// For a hook: refuses every connection until it is opened.
    pub fn refusal(&self) -> impl Fn() + Send + Sync + 'static {
        let tcp = Arc::clone(&self.tcp);
        move || tcp.go_away()
    }

    /// Forgets faults and calls, and lets everybody through.
    ///
    /// # Errors
    /// When the proxy has ended.
    pub async fn open(&self) -> Result<()> {
        self.http.reset();
        self.tcp.forget_faults();
        self.tcp.listen(true).await
    }
}

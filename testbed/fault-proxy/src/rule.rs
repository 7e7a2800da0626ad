//! The rules of a test: the call, and the fault at it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::body::Bytes;

/// A call that the proxy received.
#[derive(Clone)]
pub struct Call {
    /// Its number, from 1.
    pub number: usize,
    /// The HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// The AWS operation: the header `x-amz-target`, or `Action` in a form (the Query protocol of SNS and STS).
    pub target: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn new(method: &hyper::Method, path: &str, headers: HeaderMap, body: Bytes) -> Self {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let form = headers
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"));
        let target = target.or_else(|| if form { action(&body) } else { None });
        Self { number: 0, method: method.to_string(), path: path.to_owned(), target, headers, body }
    }

    /// A header's value, if it exists and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body that was sent.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The operation's name without that of its service (`GetSecretValue`), or else method and path.
    #[must_use]
    pub fn operation(&self) -> String {
        match &self.target {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => format!("{} {}", self.method, self.path),
        }
    }
}

fn action(form: &[u8]) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    form.split('&').find_map(|field| field.strip_prefix("Action=")).map(str::to_owned)
}

impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and body are omitted, because they contain credentials.
        write!(formatter, "{} {}", self.number, self.operation())
    }
}

/// The fault at a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes. Upstream never receives the call.
    Drop,
    /// Upstream processes the call. The connection closes without an answer.
    LoseResponse,
    /// Upstream processes the call. The connection closes after the headers and half of the body.
    /// (An answer without a body is lost.)
    CutResponse,
    /// The proxy sends this answer. Upstream never receives the call.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Upstream receives the call after this time, or never, if the caller has closed the connection by then.
    Delay(Duration),
    /// Upstream processes the call at once. Its answer arrives after this time.
    DelayResponse(Duration),
    /// No fault. Only the hook runs.
    Nothing,
}

impl Fault {
    /// An error in the form of AWS's JSON protocols: `aws_error(400, "ThrottlingException")`.
    #[must_use]
    pub fn aws_error(status: u16, code: &str) -> Self {
        let body = serde_json::json!({"__type": code, "message": "injected"}).to_string();
        Self::Answer { status, content_type: "application/x-amz-json-1.1".to_owned(), body }
    }

    /// The answer of a load balancer or a captive portal: a page.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let body = "<html><body>Something went wrong</body></html>".to_owned();
        Self::Answer { status, content_type: "text/html".to_owned(), body }
    }
}

type Matches = Arc<dyn Fn(&Call) -> bool + Send + Sync>;
type Hook = Arc<dyn Fn(&Call) + Send + Sync>;

/// A fault at the n-th call that matches.
#[derive(Clone)]
pub struct Rule {
    matches: Matches,
    first: usize,
    times: usize,
    seen: usize,
    fault: Fault,
    hook: Option<Hook>,
}

impl Rule {
    /// `fault` at the `nth` call (from 1) for which `matches` is true; matches are counted from now on.
    pub fn at(nth: usize, matches: impl Fn(&Call) -> bool + Send + Sync + 'static, fault: Fault) -> Self {
        Self { matches: Arc::new(matches), first: nth, times: 1, seen: 0, fault, hook: None }
    }

    /// `fault` at every call for which `matches` is true.
    pub fn always(matches: impl Fn(&Call) -> bool + Send + Sync + 'static, fault: Fault) -> Self {
        Self::at(1, matches, fault).times(usize::MAX)
    }

    /// Applies the fault at this number of matching calls in a row.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Runs `hook` at the fault, on its own thread, and waits for it. The hook runs before the call goes upstream. With
    /// [`Fault::LoseResponse`], [`Fault::CutResponse`] and [`Fault::DelayResponse`], it runs after upstream's answer.
    #[must_use]
    pub fn hook(mut self, hook: impl Fn(&Call) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Counts the call. Returns the fault if the rule applies to it.
    pub(super) fn apply(&mut self, call: &Call) -> Option<(Fault, Option<Hook>)> {
        if !(self.matches)(call) {
            return None;
        }
        self.seen += 1;
        let hit = self.seen >= self.first && self.seen - self.first < self.times;
        hit.then(|| (self.fault.clone(), self.hook.clone()))
    }
}

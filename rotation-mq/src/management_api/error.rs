//! The errors of requests to the management API. They never hold the body of a request or an answer.

use std::error::Error;
use std::time::Duration;

use contract::Kind;
use lambda_boundary::tls_refusal_in;

/// A request to the management API failed.
#[derive(Debug, thiserror::Error)]
#[error("{request} at {url} as `{user}` failed")]
pub struct ApiError {
    pub(super) request: String,
    pub(super) url: String,
    pub(super) user: String,
    pub(super) timeout: Duration,
    #[source]
    pub(super) failure: Failure,
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A wrong password, or no such user.
    #[error("the broker refuses the login{}", .0.map(|blemish| format!("; {blemish}")).unwrap_or_default())]
    LoginRefused(Option<&'static str>),
    /// The right password without the tag `administrator`.
    #[error("the user lacks the tag `administrator`")]
    NotAdministrator,
    /// No such object.
    #[error("the broker does not know it")]
    NotFound,
    /// A name that the path of a URL cannot hold.
    #[error("the management API cannot name a user, vhost or exchange `.` or `..` in a URL")]
    Unnameable,
    /// A tag that the broker would store as another one, because it splits the text at commas and trims it.
    #[error(
        "its tag `{0}` has a comma, or a space at its beginning or end, so no request can write it; change the tag"
    )]
    UnwritableTag(String),
    /// Another refusal, or a fault of the broker.
    #[error("the broker answered with status {status} ({code})")]
    Status {
        /// HTTP status.
        status: u16,
        /// RabbitMQ's `error` field.
        code: String,
    },
    /// Not the management API's JSON, for example a proxy's error page.
    #[error("the answer with status {status} is not the management API's JSON")]
    UnexpectedAnswer {
        /// HTTP status.
        status: u16,
    },
    /// The certificate is not trusted or does not match the name, or the port does not speak TLS.
    #[error("no trusted TLS connection")]
    Tls(#[source] rustls::Error),
    /// The connection was refused or closed, or the host is unknown.
    #[error("no connection")]
    Transport(#[source] std::io::Error),
    /// No answer came in time.
    #[error(
        "no answer in time; likely causes: the function's subnets have no route to the broker, or a security group \
         does not allow its port"
    )]
    NoAnswer,
}

impl ApiError {
    /// The kind to report if the login is the admin's.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.failure {
            Failure::LoginRefused(_) => Kind::AdminLoginRefused,
            Failure::NotAdministrator => Kind::AdminNotAdministrator,
            Failure::NotFound | Failure::Unnameable | Failure::UnwritableTag(_) | Failure::Status { .. } => {
                Kind::BrokerRequestFailed
            }
            Failure::UnexpectedAnswer { .. } => Kind::BrokerUnexpectedAnswer,
            Failure::Tls(_) => Kind::BrokerTlsRefused,
            Failure::Transport(_) | Failure::NoAnswer => Kind::BrokerUnreachable,
        }
    }

    /// Whether the reason may be a node of a cluster that does not know yet what another node has written.
    #[must_use]
    pub fn may_be_a_lagging_node(&self) -> bool {
        matches!(self.failure, Failure::NotFound | Failure::Status { status: 400, .. })
    }

    /// How long a request may take, for messages.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl Failure {
    pub(super) fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Transport(_) | Self::NoAnswer => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// Finds the cause of an HTTP client's error: a TLS refusal, or an error of the transport.
pub(super) fn cause_of(error: &reqwest::Error) -> Failure {
    if let Some(tls) = tls_refusal_in(error) {
        return Failure::Tls(tls.clone());
    }
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Failure::Transport(std::io::Error::new(io.kind(), io.to_string()));
        }
        next = cause.source();
    }
    Failure::Transport(std::io::Error::other("the connection broke before the answer was complete"))
}

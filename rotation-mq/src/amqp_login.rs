//! Logs in over AMQPS, as an application does. Only this proves that credentials work.

use std::sync::Arc;
use std::time::Duration;

use contract::{Kind, Password};
use lambda_boundary::tls_refusal_in;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties, ErrorKind};
use rustls::ClientConfig;

use crate::amazon_mq::Endpoints;

mod certificate;

/// The largest frame, in bytes. A login needs no larger one, and RabbitMQ 4 accepts no smaller one.
/// <https://www.rabbitmq.com/docs/configure#config-items>
const FRAME_MAX: u32 = 8_192;

/// The name that connections of these functions give themselves.
pub const OWN_NAME: &str = "rotation-mq login test";

/// How to log in: with which TLS configuration, and how long to wait.
#[derive(Debug)]
pub struct AmqpLogin {
    tls: RustlsConnector,
    config: Arc<ClientConfig>,
    timeout: Duration,
}

/// A login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A wrong password, or no such user.
    #[error("the broker refuses the login{}", .0.map(|blemish| format!("; {blemish}")).unwrap_or_default())]
    Refused(Option<&'static str>),
    /// The vhost does not exist.
    #[error("the vhost `{0}` does not exist")]
    VhostMissing(String),
    /// The user has no permission on the vhost.
    #[error("the user has no permission on the vhost `{0}`")]
    VhostNotPermitted(String),
    /// One connection too many, for the user, the vhost or the node.
    #[error("a limit on the number of connections is reached, of the user, the vhost or the node")]
    LimitReached {
        /// Whether it is the user's own limit. Somebody else's connections can reach the other limits.
        of_user: bool,
    },
    /// The certificate is not trusted or does not match the name, or the port does not speak TLS.
    #[error("no trusted TLS connection")]
    Tls(#[source] rustls::Error),
    /// The connection was refused or closed, or the host is unknown.
    #[error("no connection")]
    Transport(#[source] Arc<std::io::Error>),
    /// No answer came in time.
    #[error(
        "no answer within {} s; likely causes: the function's subnets have no route to the broker, or a security \
         group does not allow its port", .0.as_secs()
    )]
    NoAnswer(Duration),
    /// The broker ended the connection for another reason.
    #[error("the broker ended the connection")]
    Protocol(#[source] lapin::Error),
}

impl LoginError {
    /// Whether the reason may be a node of a cluster that does not know yet what another node has written.
    pub fn may_be_a_lagging_node(login: &Result<(), Self>) -> bool {
        matches!(login, Err(Self::Refused(_) | Self::VhostNotPermitted(_)))
    }

    /// Whether the only reason for the failure is that the user has as many connections as it may have.
    ///
    /// The broker counts them in `connection.open`, after it has accepted the password, so the password works.
    /// <https://github.com/rabbitmq/rabbitmq-server/blob/main/deps/rabbit/src/rabbit_reader.erl>
    pub fn is_at_the_users_limit(login: &Result<(), Self>) -> bool {
        matches!(login, Err(Self::LimitReached { of_user: true }))
    }

    /// A login as a user that its application uses. The application may hold as many connections as the user may have.
    ///
    /// # Errors
    /// All errors except the user's own limit.
    pub fn in_use(login: Result<(), Self>) -> Result<(), Self> {
        if Self::is_at_the_users_limit(&login) {
            tracing::info!("the broker accepts the password; the user has reached its limit on connections");
            return Ok(());
        }
        login
    }
}

impl LoginError {
    /// The kind to report. `refused` is the kind for a refused login.
    #[must_use]
    pub fn kind(&self, refused: Kind) -> Kind {
        match self {
            Self::Refused(_) => refused,
            Self::VhostMissing(_) => Kind::VhostMissing,
            Self::VhostNotPermitted(_) => Kind::VhostNotPermitted,
            Self::LimitReached { .. } => Kind::LoginLimitReached,
            Self::Tls(_) => Kind::BrokerTlsRefused,
            Self::Transport(_) | Self::NoAnswer(_) => Kind::BrokerUnreachable,
            Self::Protocol(_) => Kind::BrokerRequestFailed,
        }
    }
}

impl AmqpLogin {
    /// Logins with this TLS configuration, each of which takes at most `timeout`.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, timeout: Duration) -> Self {
        Self { tls: RustlsConnector::from(Arc::clone(&tls)), config: tls, timeout }
    }

    /// Logs in, opens the vhost and a channel, and closes again.
    ///
    /// # Errors
    /// Says what the broker refused.
    pub async fn verify(
        &self,
        endpoints: &Endpoints,
        vhost: &str,
        user: &str,
        password: &Password,
    ) -> Result<(), LoginError> {
        let login = self.connect(endpoints, vhost, user, password);
        match tokio::time::timeout(self.timeout, login).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(match reason(error, vhost) {
                LoginError::Refused(_) => LoginError::Refused(password.blemish()),
                other => other,
            }),
            Err(_) => Err(LoginError::NoAnswer(self.timeout)),
        }
    }

    async fn connect(
        &self,
        endpoints: &Endpoints,
        vhost: &str,
        user: &str,
        password: &Password,
    ) -> Result<(), lapin::Error> {
        let userinfo = AMQPUserInfo { username: user.to_owned(), password: password.expose().to_owned() };
        let uri = AMQPUri {
            scheme: AMQPScheme::AMQPS,
            authority: AMQPAuthority { userinfo, host: endpoints.host.clone(), port: endpoints.port },
            vhost: vhost.to_owned(),
            // Without it, the broker decides, and lapin reads its "no limit" as buffers of 128 GiB.
            query: AMQPQueryString { frame_max: Some(FRAME_MAX), ..AMQPQueryString::default() },
        };
        let properties = ConnectionProperties::default().with_connection_name(OWN_NAME.into());
        let runtime = lapin::runtime::default_runtime()?;
        let tls = self.tls.clone();
        // lapin itself would read all roots again for each connection, and its `connect_async` links code for PKCS#12.
        let connect_tls = async move |uri: AMQPUri, runtime| {
            let AMQPAuthority { host, port, .. } = uri.authority;
            let addresses: Vec<_> = tokio::net::lookup_host((host.as_str(), port)).await?.collect();
            let stream = AsyncTcpStream::connect(&runtime, addresses).await?;
            Ok(stream.into_rustls(&tls, &host).await?)
        };
        let connection = Connection::connector(uri, runtime, connect_tls, properties).await?;
        connection.create_channel().await?;
        // The login is proved. A broker that is slow to close the connection does not change that.
        let _ = tokio::time::timeout(Duration::from_secs(1), connection.close(200, "login verified".into()))
            .await;
        Ok(())
    }
}

/// The text is `... refused for user 'payment': user connection limit (2) is reached`. The texts about the limit of a vhost
/// or a node end in other words. Names, which may hold any words, come before.
fn is_user_limit(text: &str) -> bool {
    text.rsplit("': ").next().is_some_and(|last| last.starts_with("user connection limit"))
}

fn reason(error: lapin::Error, vhost: &str) -> LoginError {
    match error.kind() {
        ErrorKind::ProtocolError(answer) => match answer.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => LoginError::Refused(None),
            // RabbitMQ distinguishes these only by text. The last words are RabbitMQ's own. Names of vhosts, which may hold any
            // words, come before.
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                let text = answer.get_message().as_str();
                if text.ends_with("is reached") {
                    LoginError::LimitReached { of_user: is_user_limit(text) }
                } else if text.ends_with("not found") {
                    LoginError::VhostMissing(vhost.to_owned())
                } else if text.ends_with("is down") {
                    LoginError::Protocol(error)
                } else {
                    LoginError::VhostNotPermitted(vhost.to_owned())
                }
            }
            _ => LoginError::Protocol(error),
        },
        ErrorKind::IOError(io) => match tls_refusal_in(io.as_ref()) {
            Some(tls) => LoginError::Tls(tls.clone()),
            None => LoginError::Transport(Arc::clone(io)),
        },
        _ => LoginError::Protocol(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_the_user_is_distinguished_from_those_that_others_reach() {
        for (text, expected) in [
            (
                "NOT_ALLOWED - access to vhost '/' refused for user 'p': user connection limit (2) is reached",
                true,
            ),
            (
                "NOT_ALLOWED - access to vhost '/' refused for user 'p': connection limit (2) is reached",
                false,
            ),
            ("NOT_ALLOWED - connection refused: node connection limit (2) is reached", false),
            (
                "access to vhost 'a: user connection limit (1)' refused for user 'p': connection limit (2) is reached",
                false,
            ),
        ] {
            assert_eq!(is_user_limit(text), expected, "{text}");
        }
    }
}

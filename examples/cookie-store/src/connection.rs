//! Connections to the broker. They always use TLS and the current credentials in the volume.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties};

use crate::credentials::{Credentials, MountedSecret, Version};

/// The largest frame in bytes. This is RabbitMQ's default.
const FRAME_MAX: u32 = 131_072;

/// The interval of checks for changes in the volume. Kubernetes may need more than a minute to update the volume.
const LOOK: Duration = Duration::from_millis(500);
/// The time limit for one attempt to connect, because lapin has none.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The waits between attempts, from the first to the longest. Each wait is twice as long as the one before. So a broker
/// that starts again does not get too many attempts at once, and no service waits long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When a service switches to new credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Pattern {
    /// As soon as the volume contains them. This is recommended: when the next rotation changes the old user, no service
    /// is connected as that user. A revocation closes only the connections of an attacker.
    Watch,
    /// When the connection is lost. This is simpler, but the service uses the old user until its connection is closed.
    Lazy,
}

/// The address of the broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// The host name. The certificate must be valid for it.
    pub host: String,
    /// The AMQPS port.
    pub port: u16,
    /// The vhost.
    pub vhost: String,
    /// A file with private certificate authorities, in addition to the public ones. Amazon MQ does not need it.
    pub ca: Option<PathBuf>,
}

/// Creates the connections of a service.
#[derive(Debug)]
pub struct Connector {
    /// The broker to connect to.
    pub broker: Broker,
    /// The mounted Secret with the credentials.
    pub secret: MountedSecret,
    /// When to switch to new credentials.
    pub pattern: Pattern,
    /// The name of the connection, for the operators of the broker.
    pub name: String,
}

/// An open connection.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub connection: Connection,
    version: Version,
}

#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("the mounted Secret cannot be read: {0}")]
    Secret(io::Error),
    #[error("the file of authorities cannot be read: {0}")]
    Authorities(io::Error),
    #[error("no connection as `{user}`: {error}")]
    Broker { user: String, error: lapin::Error },
    #[error("no connection as `{0}` within {CONNECT_LIMIT:?}")]
    NoAnswer(String),
}

impl Connector {
    /// Connects, and retries without a limit. Each attempt reads the volume again, because refused credentials may be old.
    pub async fn connect(&self) -> Session {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt().await {
                Ok(session) => return session,
                Err(error) => tracing::warn!("{error}"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits until the volume contains other credentials than those of `current`, and connects with them. `current` stays
    /// open, also if this takes several attempts. With [`Pattern::Lazy`], this never ends.
    pub async fn replacement(&self, current: &Session) -> Session {
        if self.pattern == Pattern::Lazy {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            if self.secret.version().is_ok_and(|version| version != current.version) {
                match self.attempt().await {
                    Ok(session) => return session,
                    Err(error) => tracing::warn!("the old connection is still in use: {error}"),
                }
            }
        }
    }

    async fn attempt(&self) -> Result<Session, ConnectError> {
        let Credentials { version, username: user, password } =
            self.secret.read().map_err(ConnectError::Secret)?;
        let uri = AMQPUri {
            scheme: AMQPScheme::AMQPS,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo { username: user.clone(), password },
                host: self.broker.host.clone(),
                port: self.broker.port,
            },
            vhost: self.broker.vhost.clone(),
            // Without this limit, lapin uses the broker's limit. If the broker has none, lapin allows buffers of 128 GiB.
            query: AMQPQueryString { frame_max: Some(FRAME_MAX), ..AMQPQueryString::default() },
        };
        let authorities = self.broker.ca.as_ref().map(std::fs::read_to_string).transpose();
        let tls =
            OwnedTLSConfig { identity: None, cert_chain: authorities.map_err(ConnectError::Authorities)? };
        let properties = ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        let connecting = async {
            let runtime = lapin::runtime::default_runtime()?;
            Connection::connect_uri_with_config(uri, properties, tls, runtime).await
        };
        match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(Ok(connection)) => {
                tracing::info!("{} is connected as `{user}`", self.name);
                Ok(Session { connection, version })
            }
            Ok(Err(error)) => Err(ConnectError::Broker { user, error }),
            Err(_) => Err(ConnectError::NoAnswer(user)),
        }
    }
}

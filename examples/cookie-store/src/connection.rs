//! Connections to the broker: always over TLS, always with the credentials that the volume holds at that moment.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties};

use crate::credentials::{Credentials, MountedSecret, Version};

/// The largest frame, in bytes; RabbitMQ's own default.
const FRAME_MAX: u32 = 131_072;

/// How often the volume is looked at. Kubernetes itself takes up to a minute and more to bring a change there.
const LOOK: Duration = Duration::from_millis(500);
/// lapin has no limit of its own.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Between attempts, doubled from the first to the longest: a broker that comes back is not to be met by a storm, and
/// nobody wants to wait for long once it is there.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When a service switches to new credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Pattern {
    /// As soon as the volume holds them. Recommended: nobody is connected as the old user when its turn comes, and a
    /// revocation meets nobody but the attacker.
    Watch,
    /// When the connection is lost. Simpler, but the old user stays in use until somebody closes its connections.
    Lazy,
}

/// Where the broker is.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Its name, which the certificate must be for.
    pub host: String,
    /// The AMQPS port.
    pub port: u16,
    /// The vhost.
    pub vhost: String,
    /// A file with private authorities, beside the web's own. Amazon MQ needs none.
    pub ca: Option<PathBuf>,
}

/// Makes a service's connections.
#[derive(Debug)]
pub struct Connector {
    /// Where to.
    pub broker: Broker,
    /// As whom.
    pub secret: MountedSecret,
    /// When anew.
    pub pattern: Pattern,
    /// The name that the broker's operators see.
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
    /// Connects, however long it takes. Each attempt reads the volume again: what was refused may be outdated.
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

    /// Waits until the volume holds other credentials than those of `current`, and connects with them. `current` goes on
    /// working meanwhile, also when this takes several attempts. Never ends with [`Pattern::Lazy`].
    pub async fn replacement(&self, current: &Session) -> Session {
        if self.pattern == Pattern::Lazy {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            if self.secret.version().is_ok_and(|version| version != current.version) {
                match self.attempt().await {
                    Ok(session) => return session,
                    Err(error) => tracing::warn!("still on the old connection: {error}"),
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
            // A limit of our own: lapin takes the broker's otherwise, and "no limit" for buffers of 128 GiB.
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

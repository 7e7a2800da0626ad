//! A connection with its two channels. It always uses TLS and the current credentials in the volume.

use std::path::PathBuf;
use std::time::Duration;

use lapin::options::{BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::FieldTable;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};

use crate::arguments::Arguments;
use crate::files;

/// The largest frame in bytes. This is RabbitMQ's default.
const FRAME_MAX: u32 = 131_072;
/// The time limit for one attempt, because lapin has none.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The time limit to close a connection. After it, the connection is dropped.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// The waits between attempts, from the first to the longest. Each wait is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The prefetch count. After a lost connection, at most this many messages are delivered again.
const PREFETCH: u16 = 50;

/// An open connection.
pub struct Session {
    /// The version of the Secret that it uses.
    pub version: PathBuf,
    pub connection: Connection,
    /// The channel for the producer. The broker confirms each message on it.
    pub publisher: Channel,
    /// The subscription of the consumer.
    pub messages: Consumer,
}

/// Connects, and retries without a limit. Each attempt reads the volume again, because refused credentials may be old.
pub async fn connect(arguments: &Arguments) -> Session {
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt(arguments).await {
            Ok(session) => return session,
            Err(why) => tracing::warn!("{why}"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Connects once.
///
/// # Errors
/// When the volume cannot be read, or the broker refuses or does not answer.
pub async fn attempt(arguments: &Arguments) -> Result<Session, String> {
    let credentials = files::credentials(&arguments.credentials)
        .map_err(|error| format!("the mounted Secret cannot be read: {error}"))?;
    let authorities = arguments.ca.as_ref().map(std::fs::read_to_string).transpose();
    let cert_chain = authorities.map_err(|error| format!("the authorities cannot be read: {error}"))?;
    let user = credentials.username.clone();
    let uri = AMQPUri {
        scheme: AMQPScheme::AMQPS,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username: credentials.username, password: credentials.password },
            host: arguments.host.clone(),
            port: arguments.port,
        },
        vhost: arguments.vhost.clone(),
        query: AMQPQueryString { frame_max: Some(FRAME_MAX), ..AMQPQueryString::default() },
    };
    let opening = open(uri, OwnedTLSConfig { identity: None, cert_chain }, &arguments.queue);
    let (connection, publisher, messages) = match tokio::time::timeout(CONNECT_LIMIT, opening).await {
        Ok(opened) => opened.map_err(|error| format!("no connection as `{user}`: {error}"))?,
        Err(_) => return Err(format!("no connection as `{user}` within {CONNECT_LIMIT:?}")),
    };
    tracing::info!("connected as `{user}`");
    Ok(Session { version: credentials.version, connection, publisher, messages })
}

async fn open(
    uri: AMQPUri,
    tls: OwnedTLSConfig,
    queue: &str,
) -> Result<(Connection, Channel, Consumer), lapin::Error> {
    let properties = ConnectionProperties::default().with_connection_name("lapin-client".into());
    let runtime = lapin::runtime::default_runtime()?;
    let connection = Connection::connect_uri_with_config(uri, properties, tls, runtime).await?;
    let publisher = connection.create_channel().await?;
    publisher.confirm_select(ConfirmSelectOptions::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let messages = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
    Ok((connection, publisher, messages))
}

impl Session {
    /// Closes the connection. The broker delivers unacknowledged messages again.
    pub async fn close(self) {
        // The connection may be lost already, and no work is left on it, so errors do not matter.
        let _ = tokio::time::timeout(CLOSE_LIMIT, self.connection.close(200, "bye".into())).await;
    }
}

//! Real AMQPS logins. They prove whether credentials work.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind};

use super::Broker;
use crate::management::percent_encoded;

/// The `connection_timeout` of lapin does not cover its async connect.
const LIMIT: Duration = Duration::from_secs(10);
/// `access-refused`, AMQP 0-9-1 section 1.1: RabbitMQ's answer to a failed login.
const ACCESS_REFUSED: u16 = 403;

/// Opens a connection to `localhost:port` over TLS, trusting `ca_pem` (and the public roots).
///
/// # Errors
/// When the broker refuses the login, is not reached in time, or its certificate is not trusted. Except for the
/// timeout, the cause is a [`lapin::Error`].
pub async fn amqps_login(
    port: u16,
    ca_pem: &Path,
    user: &str,
    password: &str,
    vhost: &str,
) -> Result<Connection> {
    let [encoded_user, password, encoded_vhost] = [user, password, vhost].map(percent_encoded);
    // Without this limit, lapin uses the broker's limit for its buffers, and takes "none" as 4 GiB.
    let frames = "?frame_max=131072";
    let uri = format!("amqps://{encoded_user}:{password}@localhost:{port}/{encoded_vhost}{frames}");
    let tls = OwnedTLSConfig { identity: None, cert_chain: Some(std::fs::read_to_string(ca_pem)?) };
    let properties = ConnectionProperties::default().with_connection_name("testbed".into());
    let connect = Connection::connect_with_config(&uri, properties, tls, lapin::runtime::default_runtime()?);
    let connected = tokio::time::timeout(LIMIT, connect).await;
    connected
        .with_context(|| format!("no AMQPS login as `{user}` within {LIMIT:?}"))?
        .with_context(|| format!("the AMQPS login as `{user}` to vhost `{vhost}` failed"))
}

/// Whether the broker answers on the connection. If the connection is lost at the moment of the call, lapin never ends
/// the call. Therefore a timeout also means no.
pub async fn answers(connection: &Connection) -> bool {
    matches!(tokio::time::timeout(LIMIT, connection.create_channel()).await, Ok(Ok(_)))
}

/// Closes a connection cleanly, within the limit of a call to the broker.
///
/// # Errors
/// When it is already lost, or the broker does not answer.
pub async fn close(connection: &Connection) -> Result<()> {
    Ok(tokio::time::timeout(LIMIT, connection.close(200, "bye".into())).await??)
}

/// Whether the error means that the user does not exist or has another password.
#[must_use]
pub fn is_refused(error: &anyhow::Error) -> bool {
    let Some(error) = error.downcast_ref::<lapin::Error>() else {
        return false;
    };
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.kind().get_id() == ACCESS_REFUSED)
}

impl Broker {
    /// Opens an AMQPS connection, as an application does.
    ///
    /// # Errors
    /// When the broker refuses or is not reached.
    pub async fn amqps_login(&self, user: &str, password: &str, vhost: &str) -> Result<Connection> {
        amqps_login(self.amqps_port(), &self.ca_pem(), user, password, vhost).await
    }

    /// Whether the login inside an AMQP URI works. The client library parses the URI.
    ///
    /// # Errors
    /// As [`Broker::can_log_in`], or when it is not an AMQP URI.
    pub async fn accepts_uri(&self, uri: &str) -> Result<bool> {
        let uri: AMQPUri = uri.parse().map_err(|error| anyhow::anyhow!("no AMQP URI: {error}"))?;
        let login = uri.authority.userinfo;
        self.can_log_in(&login.username, &login.password).await
    }

    /// Whether the user has this password, proved by an AMQPS login to vhost `/`, to which the user needs access.
    ///
    /// # Errors
    /// On every failure other than a refused login, such as a vhost without access.
    pub async fn can_log_in(&self, user: &str, password: &str) -> Result<bool> {
        match self.amqps_login(user, password, "/").await {
            Ok(connection) => {
                // The login is proved, even if the close fails.
                let _ = close(&connection).await;
                Ok(true)
            }
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

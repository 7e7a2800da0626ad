//! What an inspection asks of the broker. Each answer has only the columns that are needed, so that it stays small for
//! thousands of connections. <https://www.rabbitmq.com/docs/http-api-reference>

use serde::de::IgnoredAny;

use super::answers::{Overview, VhostLimits};
use super::{ApiError, ConnectionDetails, ManagementApi, TrackedConnection};

/// The limit of a user or a vhost on the number of its connections.
pub const MAX_CONNECTIONS: &str = "max-connections";

impl ManagementApi<'_> {
    /// The version of RabbitMQ.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn broker_version(self) -> Result<Option<String>, ApiError> {
        let overview = self.get_with::<Overview>(&["overview"], &[("columns", "rabbitmq_version")]).await?;
        Ok(overview.and_then(|overview| overview.rabbitmq_version))
    }

    /// All connections of `user`, on every node, as the broker counts them. It does not say here since when they are open.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn tracked_connections(self, user: &str) -> Result<Vec<TrackedConnection>, ApiError> {
        let listed = self.get_with(&["connections", "username", user], &[("columns", "name,vhost")]).await?;
        Ok(listed.unwrap_or_default())
    }

    /// Since when a connection is open, and what its client calls itself. None if the connection is closed or too new, or if
    /// statistics are off.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn connection_start(self, name: &str) -> Result<Option<ConnectionDetails>, ApiError> {
        self.get_with(&["connections", name], &[("columns", "connected_at,user_provided_name,state")]).await
    }

    /// The vhost's limit on connections. None if it has none, or does not exist. A negative limit is none.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn vhost_connection_limit(self, vhost: &str) -> Result<Option<i64>, ApiError> {
        let limits = self.get::<Vec<VhostLimits>>(&["vhost-limits", vhost]).await?.unwrap_or_default();
        Ok(limits.iter().find_map(|limits| limits.of(MAX_CONNECTIONS)).filter(|limit| *limit >= 0))
    }

    /// The number of connections in the vhost, by the broker's statistics, which are some seconds old.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn vhost_connections(self, vhost: &str) -> Result<u64, ApiError> {
        let path = ["vhosts", vhost, "connections"];
        let listed = self.get_with::<Vec<IgnoredAny>>(&path, &[("columns", "user")]).await?;
        Ok(u64::try_from(listed.unwrap_or_default().len()).unwrap_or(u64::MAX))
    }
}

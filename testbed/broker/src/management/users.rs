//! Calls with which a test creates or deletes users, permissions, limits, vhosts, exchanges and queues.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::Management;

impl Management {
    /// Creates a user, or replaces its password and tags.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn create_user(&self, user: &str, password: &str, tags: &[&str]) -> Result<()> {
        self.write(&["users", user], &json!({"password": password, "tags": tags.join(",")})).await
    }

    /// Replaces the user's tags and keeps its password. The request contains the password hash, because the broker
    /// removes the password if the hash is missing.
    ///
    /// # Errors
    /// When there is no such user, or the broker refuses.
    pub async fn replace_tags(&self, user: &str, tags: &[&str]) -> Result<()> {
        let account = self.user(user).await?.with_context(|| format!("user `{user}` is missing"))?;
        let body = json!({
            "tags": tags.join(","), "password_hash": account["password_hash"],
            "hashing_algorithm": account["hashing_algorithm"],
        });
        self.write(&["users", user], &body).await
    }

    /// Deletes a user, if it exists.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete_user(&self, user: &str) -> Result<()> {
        self.delete(&["users", user]).await
    }

    /// Sets the user's permissions on a vhost: configure, write, read.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn set_permissions(
        &self,
        user: &str,
        vhost: &str,
        [configure, write, read]: [&str; 3],
    ) -> Result<()> {
        let body = json!({"configure": configure, "write": write, "read": read});
        self.write(&["permissions", vhost, user], &body).await
    }

    /// Removes the user's permissions on a vhost, if there are any.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn clear_permissions(&self, user: &str, vhost: &str) -> Result<()> {
        self.delete(&["permissions", vhost, user]).await
    }

    /// Sets the user's topic permission on one exchange: write, read.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn set_topic_permission(
        &self,
        user: &str,
        vhost: &str,
        exchange: &str,
        [write, read]: [&str; 2],
    ) -> Result<()> {
        let body = json!({"exchange": exchange, "write": write, "read": read});
        self.write(&["topic-permissions", vhost, user], &body).await
    }

    /// Sets a limit of the user: `max-connections` or `max-channels`.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn set_limit(&self, user: &str, limit: &str, value: i64) -> Result<()> {
        self.write(&["user-limits", user, limit], &json!({"value": value})).await
    }

    /// Sets a limit of a vhost: `max-connections` or `max-queues`.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn set_vhost_limit(&self, vhost: &str, limit: &str, value: i64) -> Result<()> {
        self.write(&["vhost-limits", vhost, limit], &json!({"value": value})).await
    }

    /// Creates a vhost.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn create_vhost(&self, vhost: &str) -> Result<()> {
        self.write(&["vhosts", vhost], &json!({})).await
    }

    /// Deletes a vhost, if it exists.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete_vhost(&self, vhost: &str) -> Result<()> {
        self.delete(&["vhosts", vhost]).await
    }

    /// Creates a durable topic exchange.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn create_topic_exchange(&self, vhost: &str, exchange: &str) -> Result<()> {
        self.write(&["exchanges", vhost, exchange], &json!({"type": "topic", "durable": true})).await
    }

    /// Deletes a queue with its messages, if it exists. The broker cancels its subscriptions.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete_queue(&self, vhost: &str, queue: &str) -> Result<()> {
        self.delete(&["queues", vhost, queue]).await
    }
}

//! Calls with which a test reads a user, its connections and its permissions.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use super::Management;

impl Management {
    /// Everything that is defined on the broker: users with the hashes of their passwords, permissions, vhosts, limits.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn definitions(&self) -> Result<Value> {
        self.read(&["definitions"]).await
    }

    /// The user as the API returns it, password hash included; `None` if it does not exist.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn user(&self, user: &str) -> Result<Option<Value>> {
        let answer = self.call(Method::GET, &["users", user], None).await?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => bail!("GET user `{user}` answered {answer:?}"),
        }
    }

    /// The number of running nodes of the cluster, as known to the node that answers.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn running_nodes(&self) -> Result<usize> {
        let nodes = self.list(&["nodes"]).await?;
        Ok(nodes.iter().filter(|node| node["running"] == true).count())
    }

    /// Names of the connections that are listed for the user, closed ones included.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn connections_of(&self, user: &str) -> Result<Vec<String>> {
        let connections = self.list(&["connections", "username", user]).await?;
        Ok(connections
            .iter()
            .filter_map(|connection| Some(connection["name"].as_str()?.to_owned()))
            .collect())
    }

    /// The opening times of the user's connections (milliseconds since 1970). The broker's statistics contain a
    /// connection a few seconds after its opening.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn opened_at(&self, user: &str) -> Result<Vec<Option<i64>>> {
        let mut times = Vec::new();
        for name in self.connections_of(user).await? {
            let answer = self.call(Method::GET, &["connections", &name], None).await?;
            times.push(answer.body["connected_at"].as_i64());
        }
        Ok(times)
    }

    /// Closes the user's connections.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn close_connections_of(&self, user: &str) -> Result<()> {
        self.delete(&["connections", "username", user]).await
    }

    /// The queue and the consumer tag of each subscription in a vhost. The broker's statistics contain a subscription a few
    /// seconds after its start.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn subscriptions(&self, vhost: &str) -> Result<Vec<(String, String)>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let consumers = self.list(&["consumers", vhost]).await?;
        Ok(consumers.iter().map(|one| (text(&one["queue"]["name"]), text(&one["consumer_tag"]))).collect())
    }

    /// The user's permissions, in a form that is equal for two users with the same permissions. It contains tags
    /// (except the service's `protected` and the mark of a secret), permissions by vhost, topic permissions by vhost
    /// and exchange, and limits.
    ///
    /// # Errors
    /// When the user is missing or the broker refuses.
    pub async fn grants(&self, user: &str) -> Result<Value> {
        let account = self.user(user).await?.with_context(|| format!("user `{user}` is missing"))?;
        let mut tags: Vec<&str> =
            account["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        tags.retain(|tag| *tag != "protected" && !tag.starts_with("secret-"));
        tags.sort_unstable();
        let mut permissions = BTreeMap::new();
        for granted in self.list(&["users", user, "permissions"]).await? {
            permissions.insert(
                granted["vhost"].to_string(),
                json!([granted["configure"], granted["write"], granted["read"]]),
            );
        }
        let mut topic_permissions = BTreeMap::new();
        for granted in self.list(&["users", user, "topic-permissions"]).await? {
            let place = format!("{} {}", granted["vhost"], granted["exchange"]);
            topic_permissions.insert(place, json!([granted["write"], granted["read"]]));
        }
        let limits = self
            .list(&["user-limits", user])
            .await?
            .first()
            .map_or(json!({}), |limits| limits["value"].clone());
        Ok(
            json!({"tags": tags, "permissions": permissions, "topic_permissions": topic_permissions, "limits": limits}),
        )
    }
}

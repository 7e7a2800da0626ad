//! What a test looks at: a user, its connections, and all that it may do.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use super::Management;

impl Management {
    /// The user as the API shows it, its password hash included; nothing when there is none.
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

    /// How many nodes of the cluster run, as the one that answers knows them.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn running_nodes(&self) -> Result<usize> {
        let nodes = self.list(&["nodes"]).await?;
        Ok(nodes.iter().filter(|node| node["running"] == true).count())
    }

    /// Names of the connections that are listed for the user, dead ones included.
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

    /// When each of the user's connections was opened (milliseconds since 1970), where the broker's statistics say so by
    /// now: they come a few seconds after the connection.
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

    /// All that the user may do, in a form in which two users who may do the same are equal: tags but the service's own
    /// `protected` and the mark of a secret, permissions by vhost, topic permissions by vhost and exchange, limits.
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

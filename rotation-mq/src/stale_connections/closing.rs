//! Closes every connection of one user.

use std::collections::BTreeSet;
use std::time::Duration;

use super::LOOKED_AT;
use crate::management_api::{ApiError, Connection, ManagementApi};

/// In 2 of 100 cases, RabbitMQ does not list a connection that is just being opened. So the list is read again.
pub const SETTLE: Duration = Duration::from_millis(300);
/// The most rounds. Each round except the last found a new connection.
const ROUNDS: usize = 10;

/// The connections of one user that were closed, and those that the broker still lists.
#[derive(Debug)]
pub struct Closing<'a> {
    api: ManagementApi<'a>,
    user: &'a str,
    closed: BTreeSet<Connection>,
    listed: Vec<Connection>,
}

impl<'a> Closing<'a> {
    /// Nothing is closed yet.
    #[must_use]
    pub fn of(api: ManagementApi<'a>, user: &'a str) -> Self {
        Self { api, user, closed: BTreeSet::new(), listed: Vec::new() }
    }

    /// Closes connections until the list, some time after the last close, has no new one. There are at most a few rounds.
    pub(super) async fn all(&mut self) -> Result<(), ApiError> {
        self.round().await?;
        for _ in 1..ROUNDS {
            tokio::time::sleep(SETTLE).await;
            if !self.round().await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Lists the connections and closes them. Returns whether a connection was listed that was not closed before.
    ///
    /// All connections of the user are closed even if none is listed: one may be opened between the two calls.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    pub async fn round(&mut self) -> Result<bool, ApiError> {
        self.listed = self.api.connections(self.user).await?;
        let is_news = self.listed.iter().any(|one| !self.closed.contains(one));
        let is_first = self.closed.is_empty();
        if is_news || is_first {
            self.api.close_connections(self.user).await?;
            self.closed.extend(self.listed.iter().cloned());
        }
        Ok(is_news)
    }

    /// Checks which of the closed connections are still listed, and closes nothing.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    pub async fn look(&mut self) -> Result<(), ApiError> {
        self.listed = self.api.connections(self.user).await?;
        self.listed.retain(|one| self.closed.contains(one));
        Ok(())
    }

    /// How many different connections were closed.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.closed.len()
    }

    /// The connections in the last list. If a client does not answer, the broker lists its connection for up to 30 s after it
    /// was closed.
    #[must_use]
    pub fn names_still_listed(&self) -> Vec<String> {
        let mut names: Vec<String> = self.listed.iter().take(LOOKED_AT).map(|one| one.name.clone()).collect();
        if self.listed.len() > LOOKED_AT {
            names.push(format!("and {} more", self.listed.len() - LOOKED_AT));
        }
        names
    }

    /// The same in one line.
    #[must_use]
    pub fn still_listed(&self) -> String {
        match self.names_still_listed() {
            names if names.is_empty() => "none".to_owned(),
            names => names.join(", "),
        }
    }
}

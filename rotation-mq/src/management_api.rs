//! RabbitMQ's management HTTP API: users, grants and connections.
//! <https://www.rabbitmq.com/docs/http-api-reference>
//!
//! The code matches on the status and on the body's `error` field, never on `reason`, whose text and type differ between
//! versions. A 401 has two meanings: `not_authorized` is a wrong login, `not_authorised` is the correct password without
//! the tag that the path requires.

use std::time::Duration;

use contract::Password;
use reqwest::{Client, Method};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::grants::{ADMINISTRATOR_TAG, Grants, is_unwritable};
use crate::password::StoredPassword;

mod accounts;
mod answers;
mod changes;
mod error;
mod looks;
mod transport;

pub use answers::{Connection, ConnectionDetails, TrackedConnection};
pub use error::ApiError;
use error::Failure;
pub use looks::MAX_CONNECTIONS;
use transport::Request;

/// The HTTP client. It speaks only TLS, follows no redirect and uses no proxy. So the admin's password goes only to the
/// endpoint of the admin secret.
#[derive(Debug)]
pub struct ManagementClient {
    http: Client,
    timeout: Duration,
}

/// The API of one broker, as one user.
#[derive(Debug, Clone, Copy)]
pub struct ManagementApi<'a> {
    client: &'a ManagementClient,
    url: &'a str,
    user: &'a str,
    password: &'a Password,
}

/// A user of the broker.
pub struct User {
    /// What is granted to it.
    pub grants: Grants,
    /// Its password, as the broker stores it.
    pub password: StoredPassword,
}

impl ManagementClient {
    /// A client with this TLS configuration. A call takes at most `timeout`, its retry included.
    ///
    /// # Errors
    /// When the TLS configuration is unusable.
    pub fn new(tls: &ClientConfig, timeout: Duration) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, timeout })
    }

    /// The API at `url` as `user`.
    #[must_use]
    pub fn login<'a>(&'a self, url: &'a str, user: &'a str, password: &'a Password) -> ManagementApi<'a> {
        ManagementApi { client: self, url, user, password }
    }
}

impl ManagementApi<'_> {
    /// Whether the broker accepts the login, regardless of the user's permissions. This also proves the password of a plain
    /// user, who has no access to the API.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    pub async fn login_is_accepted(self) -> Result<bool, ApiError> {
        match self.send(Request::of(Method::GET, &["whoami"])).await {
            Ok(_) | Err(ApiError { failure: Failure::NotAdministrator, .. }) => Ok(true),
            Err(ApiError { failure: Failure::LoginRefused(_), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks the broker whether the login is an administrator's.
    ///
    /// # Errors
    /// When it is not, or the broker cannot be asked.
    pub async fn confirm_administrator(self) -> Result<(), ApiError> {
        let path = ["whoami"];
        match self.get::<answers::User>(&path).await? {
            Some(user) if user.has_tag(ADMINISTRATOR_TAG) => Ok(()),
            _ => Err(self.error(&Method::GET, &path, Failure::NotAdministrator)),
        }
    }

    /// Everything that is granted to `user`. None if there is no such user. Needs an administrator.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses, or the user has a tag that [`Self::put_user`] could not write again.
    pub async fn grants(self, user: &str) -> Result<Option<Grants>, ApiError> {
        Ok(self.user(user).await?.map(|found| found.grants))
    }

    /// `user`, with everything that is granted to it. None if there is no such user. Needs an administrator.
    ///
    /// One request follows the other, because requests at the same time need a connection each. At the share of a core that
    /// Lambda gives a small function, a TLS handshake takes longer than several answers of the broker.
    ///
    /// # Errors
    /// As [`Self::grants`].
    pub async fn user(self, user: &str) -> Result<Option<User>, ApiError> {
        let Some(mut record) = self.get::<answers::User>(&["users", user]).await? else {
            return Ok(None);
        };
        let Some(permissions) = self.get(&["users", user, "permissions"]).await? else {
            return Ok(None);
        };
        let Some(topic_permissions) = self.get(&["users", user, "topic-permissions"]).await? else {
            return Ok(None);
        };
        let password = record.take_password();
        let grants = answers::grants(record, permissions, topic_permissions);
        match grants.tags.iter().find(|tag| is_unwritable(tag)) {
            Some(tag) => Err(self.error(&Method::GET, &["users", user], Failure::UnwritableTag(tag.clone()))),
            None => Ok(Some(User { grants, password })),
        }
    }

    /// Whether the vhost exists.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn vhost_exists(self, vhost: &str) -> Result<bool, ApiError> {
        Ok(self.get::<Value>(&["vhosts", vhost]).await?.is_some())
    }

    /// The open connections of `user`. A connection that its client has closed may stay listed for up to 30 s.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn connections(self, user: &str) -> Result<Vec<Connection>, ApiError> {
        Ok(self.get(&["connections", "username", user]).await?.unwrap_or_default())
    }

    /// What the broker knows about one connection, with two minutes of history. None if the connection is closed or too new,
    /// or if statistics are off.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn connection(self, name: &str) -> Result<Option<ConnectionDetails>, ApiError> {
        self.get_with(&["connections", name], &[("data_rates_age", "120"), ("data_rates_incr", "5")]).await
    }

    /// Closes one connection. It is not an error if it is closed already.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn close_connection(self, name: &str) -> Result<(), ApiError> {
        self.delete(&["connections", name]).await
    }

    /// Closes all connections of `user`, on every node. It is not an error if there are none.
    ///
    /// # Errors
    /// When the broker cannot be asked or refuses.
    pub async fn close_connections(self, user: &str) -> Result<(), ApiError> {
        self.delete(&["connections", "username", user]).await
    }

    async fn get<T: DeserializeOwned>(self, path: &[&str]) -> Result<Option<T>, ApiError> {
        self.get_with(path, &[]).await
    }

    async fn get_with<T: DeserializeOwned>(
        self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, ApiError> {
        match self.send(Request { query, ..Request::of(Method::GET, path) }).await {
            Ok(body) => match serde_json::from_slice(&body) {
                Ok(answer) => Ok(Some(answer)),
                Err(_) => Err(self.error(&Method::GET, path, Failure::UnexpectedAnswer { status: 200 })),
            },
            Err(ApiError { failure: Failure::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put(self, path: &[&str], body: &Value) -> Result<(), ApiError> {
        self.send(Request { body: Some(body), ..Request::of(Method::PUT, path) }).await.map(drop)
    }

    /// An object that does not exist counts as deleted.
    async fn delete(self, path: &[&str]) -> Result<(), ApiError> {
        match self.send(Request::of(Method::DELETE, path)).await {
            Err(ApiError { failure: Failure::NotFound, .. }) => Ok(()),
            other => other.map(drop),
        }
    }
}

//! The connection to the cluster. Endpoint and token are kept between events, and renewed when they are old or stop
//! working.

use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::eks_cluster::{ClusterLookupError, EksCluster};
use crate::eks_token::{LIFETIME, Token, TokenError};
use crate::kubernetes_api::{ApiError, KubernetesApi};

/// One cluster, and how to log in to it.
#[derive(Debug)]
pub struct Cluster {
    eks: EksCluster,
    credentials: SharedCredentialsProvider,
    region: String,
    call_timeout: std::time::Duration,
    connection: Mutex<Option<Connection>>,
}

#[derive(Debug)]
struct Connection {
    api: KubernetesApi,
    made_at: Timestamp,
}

/// There is no connection to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// EKS did not return the endpoint.
    #[error(transparent)]
    Lookup(#[from] ClusterLookupError),
    /// The function has no credentials of its own.
    #[error("the function could not get its own AWS credentials")]
    NoCredentials,
    /// The token could not be made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// What EKS returned cannot be used.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl Cluster {
    /// A cluster that is logged in to with the function's own `credentials`.
    #[must_use]
    pub fn new(
        eks: EksCluster,
        credentials: SharedCredentialsProvider,
        region: String,
        call_timeout: std::time::Duration,
    ) -> Self {
        Self { eks, credentials, region, call_timeout, connection: Mutex::new(None) }
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.eks.name()
    }

    /// The connection, and whether it is a new one.
    ///
    /// # Errors
    /// When EKS does not know the cluster, or the login cannot be signed.
    pub async fn connect(&self, now: Timestamp) -> Result<(KubernetesApi, bool), ConnectError> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.is_young(now)) {
            return Ok((connection.api.clone(), false));
        }
        let endpoint = self.eks.endpoint().await?;
        let credentials =
            self.credentials.provide_credentials().await.map_err(|_| ConnectError::NoCredentials)?;
        let token = Token::sign(&credentials, &self.region, self.eks.name(), SystemTime::from(now))?;
        let api = KubernetesApi::new(&endpoint, &token, self.call_timeout)?;
        *kept = Some(Connection { api: api.clone(), made_at: now });
        Ok((api, true))
    }

    /// Forgets the connection: the next one asks EKS again and signs a new token.
    pub async fn forget(&self) {
        *self.connection.lock().await = None;
    }
}

impl Connection {
    fn is_young(&self, now: Timestamp) -> bool {
        now.duration_since(self.made_at).unsigned_abs() < LIFETIME
    }
}

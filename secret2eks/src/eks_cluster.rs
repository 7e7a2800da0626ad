//! EKS: where a cluster's API server is, and which certificate authority has signed its certificate.
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html>

use std::time::Duration;

use aws_sdk_eks::Client;
use aws_sdk_eks::types::ClusterStatus;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use contract::Kind;
use lambda_boundary::AwsError;

/// EKS, with the longest time that one call may take.
#[derive(Debug)]
pub struct EksCluster {
    client: Client,
    name: String,
    timeout: Duration,
}

/// What a client of the cluster needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The API server's URL.
    pub url: String,
    /// The certificate authority of its certificate, in PEM.
    pub ca_pem: String,
}

/// The cluster cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum ClusterLookupError {
    /// No such cluster.
    #[error("EKS does not know the cluster `{0}` in this region and account")]
    NotFound(String),
    /// The cluster is being created or deleted, or has failed.
    #[error("the cluster `{cluster}` is {status}")]
    NotActive {
        /// The cluster.
        cluster: String,
        /// Its status.
        status: String,
    },
    /// EKS returned no endpoint or certificate authority.
    #[error("EKS returns no endpoint or no certificate authority for the cluster `{0}`")]
    NoEndpoint(String),
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl ClusterLookupError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) | Self::NotActive { .. } | Self::NoEndpoint(_) => Kind::ClusterNotFound,
            Self::Aws(error) => error.kind(),
        }
    }
}

impl EksCluster {
    /// A client on the SDK's configuration, whose operation timeout is `timeout`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, name: String, timeout: Duration) -> Self {
        Self { client: Client::new(config), name, timeout }
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks the endpoint up.
    ///
    /// # Errors
    /// When the cluster is unknown, or is being created or deleted.
    pub async fn endpoint(&self) -> Result<Endpoint, ClusterLookupError> {
        let name = || self.name.clone();
        let answer = self.client.describe_cluster().name(&self.name).send().await.map_err(|error| {
            let error = AwsError::from_sdk("EKS", "DescribeCluster", self.timeout, &error);
            if error.is("ResourceNotFoundException") {
                ClusterLookupError::NotFound(name())
            } else {
                error.into()
            }
        })?;
        let cluster = answer.cluster.ok_or_else(|| ClusterLookupError::NoEndpoint(name()))?;
        // A cluster that is being updated still serves its API.
        if let Some(status @ (ClusterStatus::Creating | ClusterStatus::Deleting | ClusterStatus::Failed)) =
            cluster.status
        {
            return Err(ClusterLookupError::NotActive { cluster: name(), status: status.to_string() });
        }
        let authority = cluster.certificate_authority.and_then(|authority| authority.data);
        let ca_pem = authority
            .and_then(|data| BASE64_STANDARD.decode(data).ok())
            .and_then(|pem| String::from_utf8(pem).ok());
        match (cluster.endpoint, ca_pem) {
            (Some(url), Some(ca_pem)) if url.starts_with("https://") => Ok(Endpoint { url, ca_pem }),
            _ => Err(ClusterLookupError::NoEndpoint(name())),
        }
    }
}

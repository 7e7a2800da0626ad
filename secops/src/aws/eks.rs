//! EKS: how a cluster lets roles in.

use aws_config::SdkConfig;
use aws_sdk_eks::Client;

use super::AwsError;
use super::config::TIMEOUT;

const SERVICE: &str = "EKS";
const MISSING: [&str; 1] = ["ResourceNotFoundException"];

/// A cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// `ACTIVE`, …
    pub status: String,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`, if EKS says so.
    pub authentication: Option<String>,
}

/// An access entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessEntry {
    /// `STANDARD`, …
    pub kind: String,
    /// Its groups in the cluster.
    pub groups: Vec<String>,
}

/// A cluster by its name. None if there is no such cluster.
pub async fn cluster(config: &SdkConfig, name: &str) -> Result<Option<Cluster>, AwsError> {
    let answer = Client::new(config).describe_cluster().name(name).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "DescribeCluster", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &MISSING)? else { return Ok(None) };
    let Some(cluster) = answer.cluster else { return Ok(None) };
    let mode = cluster.access_config.and_then(|access| access.authentication_mode);
    Ok(Some(Cluster {
        status: cluster.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        authentication: mode.map(|mode| mode.as_str().to_owned()),
    }))
}

/// The access entry of a role. None if it has none.
pub async fn access_entry(
    config: &SdkConfig,
    cluster: &str,
    role: &str,
) -> Result<Option<AccessEntry>, AwsError> {
    let answer =
        Client::new(config).describe_access_entry().cluster_name(cluster).principal_arn(role).send().await;
    let answer = answer.map_err(|error| AwsError::from_sdk(SERVICE, "DescribeAccessEntry", TIMEOUT, &error));
    let Some(answer) = AwsError::if_known(answer, &MISSING)? else { return Ok(None) };
    Ok(answer.access_entry.map(|entry| AccessEntry {
        kind: entry.r#type.unwrap_or_default(),
        groups: entry.kubernetes_groups.unwrap_or_default(),
    }))
}

//! The cluster's API: the labels of a namespace, and `ExternalSecrets`. secret2eks uses nothing else.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>

use std::collections::BTreeMap;
use std::time::Duration;

use contract::Kind;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::Status;
use kube::{Client, Config};
use lambda_boundary::tls_refusal_in;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;

use crate::eks_cluster::Endpoint;
use crate::eks_token::Token;
use crate::external_secret::FIELD_MANAGER;
use crate::route::Route;

mod copies;
mod seen;

pub use self::copies::Page;
pub use self::seen::Permission;

/// A connection to the API server, logged in.
#[derive(Clone)]
pub struct KubernetesApi {
    client: Client,
    url: String,
    timeout: Duration,
}

/// The API server did not do what was requested.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer in time, or no connection.
    #[error(
        "the API server {url} did not answer within {} s; likely causes: the cluster's endpoint is private and the \
         function's subnets have no route to it, or a security group does not allow HTTPS",
        .timeout.as_secs()
    )]
    Unreachable {
        /// The URL from EKS.
        url: String,
        /// How long the call waited.
        timeout: Duration,
    },
    /// The certificate is not the cluster's.
    #[error(
        "the API server {url} presents a certificate that the cluster's certificate authority did not sign: {reason}"
    )]
    TlsRefused {
        /// The URL from EKS.
        url: String,
        /// The reason that TLS gives.
        reason: String,
    },
    /// 401.
    #[error(
        "the API server does not accept the function's token: the cluster has no access entry for its role"
    )]
    LoginRefused,
    /// 403.
    #[error("the API server forbids it: {0}")]
    AccessDenied(String),
    /// The path does not exist.
    #[error(
        "the cluster does not serve `external-secrets.io/v1`: External Secrets Operator is missing, or older than 0.16"
    )]
    ApiUnknown,
    /// 409 of server-side apply.
    #[error("another field manager owns fields of it: {0}")]
    Conflict(String),
    /// The object, or its namespace, no longer exists.
    #[error("it no longer exists")]
    Gone,
    /// Any other 4xx.
    #[error("the API server refused it with {code}: {message}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// What it says.
        message: String,
    },
    /// 429, 5xx, or an answer that cannot be read.
    #[error("the API server failed with {code}: {message}")]
    Failed {
        /// The HTTP status. It is 0 for an answer that cannot be read.
        code: u16,
        /// What it says.
        message: String,
    },
    /// The endpoint that EKS returns cannot be used.
    #[error("EKS returns an endpoint or a certificate authority for the cluster that cannot be used")]
    UnusableEndpoint,
}

impl ApiError {
    /// The kind to report.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unreachable { .. } => Kind::ClusterUnreachable,
            Self::TlsRefused { .. } => Kind::ClusterTlsRefused,
            Self::LoginRefused => Kind::ClusterLoginRefused,
            Self::AccessDenied(_) => Kind::ClusterAccessDenied,
            Self::ApiUnknown => Kind::ClusterApiUnknown,
            Self::Conflict(_) => Kind::DeliveryConflict,
            Self::Refused { .. } => Kind::ClusterRequestRefused,
            Self::Gone | Self::Failed { .. } => Kind::ClusterRequestFailed,
            Self::UnusableEndpoint => Kind::ClusterNotFound,
        }
    }
}

impl KubernetesApi {
    /// A client of the cluster at `endpoint`. It connects at the first request and keeps the connection.
    ///
    /// # Errors
    /// [`ApiError::UnusableEndpoint`].
    pub fn new(endpoint: &Endpoint, token: &Token, timeout: Duration) -> Result<Self, ApiError> {
        let mut config = Config::new(endpoint.url.parse().map_err(|_| ApiError::UnusableEndpoint)?);
        let authorities: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(endpoint.ca_pem.as_bytes()).collect();
        let authorities = authorities.map_err(|_| ApiError::UnusableEndpoint)?;
        if authorities.is_empty() {
            return Err(ApiError::UnusableEndpoint);
        }
        config.root_cert = Some(authorities.iter().map(|authority| authority.to_vec()).collect());
        config.auth_info.token = Some(token.expose().to_owned().into());
        config.connect_timeout = Some(timeout / 2);
        config.read_timeout = Some(timeout);
        config.write_timeout = Some(timeout);
        let client = Client::try_from(config).map_err(|_| ApiError::UnusableEndpoint)?;
        Ok(Self { client, url: endpoint.url.clone(), timeout })
    }

    /// The labels of a namespace. None if it does not exist.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn namespace_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, ApiError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        match self.within(namespaces.get(name)).await {
            Ok(namespace) => Ok(Some(namespace.metadata.labels.unwrap_or_default())),
            Err(ApiError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The ExternalSecret. None if it does not exist.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn external_secret(&self, namespace: &str, name: &str) -> Result<Option<Value>, ApiError> {
        match self.within(self.external_secrets(namespace).get(name)).await {
            Ok(object) => Ok(Some(as_json(&object))),
            Err(ApiError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Server-side apply: creates the ExternalSecret, or sets only the fields of `manifest`.
    ///
    /// # Errors
    /// [`ApiError::Conflict`] if somebody else owns one of these fields and `force` is not given.
    pub async fn apply(&self, route: &Route, manifest: &Value, force: bool) -> Result<(), ApiError> {
        let parameters = PatchParams { force, ..PatchParams::apply(FIELD_MANAGER) };
        let api = self.external_secrets(&route.namespace);
        self.within(api.patch(&route.name, &parameters, &Patch::Apply(manifest))).await.map(|_| ())
    }

    /// Sets fields of an existing ExternalSecret, and removes those that are null (JSON merge patch).
    ///
    /// # Errors
    /// [`ApiError::Gone`] if it does not exist, or what the API server answered.
    pub async fn merge(&self, route: &Route, fields: &Value) -> Result<(), ApiError> {
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let api = self.external_secrets(&route.namespace);
        self.within(api.patch(&route.name, &parameters, &Patch::Merge(fields))).await.map(|_| ())
    }

    fn external_secrets(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &resource())
    }

    /// One request. The client repeats it after 429, 503 and 504, until the time is over.
    async fn within<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, ApiError> {
        match tokio::time::timeout(self.timeout, request).await {
            Ok(answer) => answer.map_err(|error| self.error(&error)),
            Err(_) => Err(ApiError::Unreachable { url: self.url.clone(), timeout: self.timeout }),
        }
    }

    fn error(&self, error: &kube::Error) -> ApiError {
        if let kube::Error::Api(status) = error {
            return answered(status);
        }
        if let Some(tls) = tls_refusal_in(error) {
            return ApiError::TlsRefused { url: self.url.clone(), reason: tls.to_string() };
        }
        match error {
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
                ApiError::Failed { code: 0, message: "the answer cannot be read".to_owned() }
            }
            _ => ApiError::Unreachable { url: self.url.clone(), timeout: self.timeout },
        }
    }
}

impl std::fmt::Debug for KubernetesApi {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KubernetesApi").field("url", &self.url).finish_non_exhaustive()
    }
}

fn resource() -> ApiResource {
    ApiResource {
        group: "external-secrets.io".to_owned(),
        version: "v1".to_owned(),
        api_version: crate::external_secret::API_VERSION.to_owned(),
        kind: "ExternalSecret".to_owned(),
        plural: "externalsecrets".to_owned(),
    }
}

fn answered(status: &Status) -> ApiError {
    let message = || status.message.chars().take(500).collect::<String>();
    match status.code {
        401 => ApiError::LoginRefused,
        403 => ApiError::AccessDenied(message()),
        404 if status.reason == "NotFound" && status.details.is_some() => ApiError::Gone,
        404 => ApiError::ApiUnknown,
        409 => ApiError::Conflict(message()),
        code @ (429 | 500..) => ApiError::Failed { code, message: message() },
        code => ApiError::Refused { code, message: message() },
    }
}

fn as_json(object: &DynamicObject) -> Value {
    // An object that was read from JSON can be written as JSON.
    serde_json::to_value(object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_answer_of_the_api_server_has_its_kind() {
        let refusal = |code: u16, reason: &str, details: bool| {
            let mut answer = json!({"code": code, "reason": reason, "message": "said"});
            if details {
                answer["details"] = json!({"name": "payment"});
            }
            let status: Status = serde_json::from_value(answer).unwrap_or_default();
            answered(&status).kind()
        };
        for (code, reason, details, expected) in [
            (401, "Unauthorized", false, Kind::ClusterLoginRefused),
            (403, "Forbidden", true, Kind::ClusterAccessDenied),
            (404, "Failed to parse error data", false, Kind::ClusterApiUnknown),
            (404, "NotFound", false, Kind::ClusterApiUnknown),
            (404, "NotFound", true, Kind::ClusterRequestFailed),
            (409, "Conflict", true, Kind::DeliveryConflict),
            (400, "BadRequest", false, Kind::ClusterRequestRefused),
            (422, "Invalid", true, Kind::ClusterRequestRefused),
            (429, "TooManyRequests", false, Kind::ClusterRequestFailed),
            (500, "InternalError", false, Kind::ClusterRequestFailed),
            (503, "ServiceUnavailable", false, Kind::ClusterRequestFailed),
        ] {
            assert_eq!(refusal(code, reason, details), expected, "{code} {reason}");
        }
    }

    #[test]
    fn an_endpoint_that_cannot_be_used_is_refused_before_any_request() {
        let token_is_not_needed = |ca_pem: &str, url: &str| {
            let endpoint = Endpoint { url: url.to_owned(), ca_pem: ca_pem.to_owned() };
            let credentials = aws_credential_types::Credentials::new("key", "secret", None, None, "test");
            let now = std::time::SystemTime::UNIX_EPOCH;
            let token = Token::sign(&credentials, "us-east-1", "shop", now);
            token.map(|token| KubernetesApi::new(&endpoint, &token, Duration::from_secs(1)).is_ok())
        };
        assert!(matches!(token_is_not_needed("no certificate", "https://localhost"), Ok(false)));
        assert!(matches!(token_is_not_needed("", "https://local host"), Ok(false)));
    }
}

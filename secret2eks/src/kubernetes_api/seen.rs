//! What a look at the cluster reads: versions, the operator, its stores, and what this function may do. Nothing is changed.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use serde_json::Value;

use super::{ApiError, KubernetesApi, as_json};
use crate::external_secret::API_GROUP;
use crate::route::Store;

/// Where Helm installs the operator by `infra/kubernetes/external-secrets-values.yaml`: namespace and name of its Deployment.
const OPERATOR: (&str, &str) = ("external-secrets", "external-secrets");

/// One permission in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The verb.
    pub verb: &'static str,
    /// The API group. Empty for the core group.
    pub group: &'static str,
    /// The plural of the resource.
    pub resource: &'static str,
}

impl std::fmt::Display for Permission {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(formatter, "{} {}{dot}{}", self.verb, self.resource, self.group)
    }
}

impl KubernetesApi {
    /// The version of Kubernetes, such as `v1.35.4`.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn kubernetes_version(&self) -> Result<String, ApiError> {
        self.within(self.client.apiserver_version()).await.map(|info| info.git_version)
    }

    /// The served versions of the operator's API. Empty if its definitions are missing.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn served_versions(&self) -> Result<Vec<String>, ApiError> {
        let groups = self.within(self.client.list_api_groups()).await?.groups;
        let operators = groups.into_iter().filter(|group| group.name == API_GROUP);
        Ok(operators.flat_map(|group| group.versions).map(|version| version.version).collect())
    }

    /// The image of the operator. None if it has no Deployment of that name.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn operator_image(&self) -> Result<Option<String>, ApiError> {
        let (namespace, name) = OPERATOR;
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        match self.within(deployments.get(name)).await {
            Ok(found) => {
                let pod = found.spec.and_then(|spec| spec.template.spec);
                Ok(pod.and_then(|pod| pod.containers.into_iter().find_map(|container| container.image)))
            }
            Err(ApiError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A store that an ExternalSecret in `namespace` reads from. None if it does not exist.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn store(&self, namespace: &str, store: &Store) -> Result<Option<Value>, ApiError> {
        let resource = ApiResource {
            group: API_GROUP.to_owned(),
            version: "v1".to_owned(),
            api_version: crate::external_secret::API_VERSION.to_owned(),
            kind: store.kind.to_owned(),
            plural: format!("{}s", store.kind.to_lowercase()),
        };
        let client = self.client.clone();
        let stores: Api<DynamicObject> = if store.is_of_the_cluster() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, namespace, &resource)
        };
        match self.within(stores.get(&store.name)).await {
            Ok(object) => Ok(Some(as_json(&object))),
            Err(ApiError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether this function has the permission in `namespace`, or in the whole cluster. Every login may ask this.
    /// <https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access>
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn may(&self, permission: Permission, namespace: Option<&str>) -> Result<bool, ApiError> {
        let Permission { verb, group, resource } = permission;
        let asked = ResourceAttributes {
            verb: Some(verb.to_owned()),
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(asked), ..Default::default() },
            ..Default::default()
        };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let answer = self.within(reviews.create(&PostParams::default(), &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

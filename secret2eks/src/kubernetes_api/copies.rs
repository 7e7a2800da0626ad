//! All `ExternalSecrets` of the cluster, page by page, and the deletion of one.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks>

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Preconditions};
use serde_json::Value;

use super::{ApiError, KubernetesApi, as_json, resource};
use crate::external_secret::SUFFIX_LABEL;

/// An ExternalSecret has some 5 kB, and several times as much once it is parsed. One page is in memory at a time.
const OBJECTS_PER_PAGE: u32 = 100;

/// Some of the objects.
#[derive(Debug)]
pub struct Page {
    /// The objects.
    pub objects: Vec<Value>,
    /// Where the next page begins. None on the last page.
    pub next: Option<String>,
}

impl KubernetesApi {
    /// A page of the `ExternalSecrets` of all namespaces.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn external_secrets_of_all(&self, next: Option<&str>) -> Result<Page, ApiError> {
        self.page(ListParams::default(), next).await
    }

    /// The `ExternalSecrets` with the label of a secret whose ARN ends with `suffix`, in any namespace. There is at most one
    /// page: a secret has one copy, and one more for each move that was not followed yet.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn copies(&self, suffix: &str) -> Result<Vec<Value>, ApiError> {
        let labelled = ListParams::default().labels(&format!("{SUFFIX_LABEL}={suffix}"));
        Ok(self.page(labelled, None).await?.objects)
    }

    /// Deletes an ExternalSecret if it is still the object `uid` in the state `resource_version`. Returns `false` if it is
    /// not. Kubernetes deletes the Secret, whose owner it is.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn delete(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        resource_version: &str,
    ) -> Result<bool, ApiError> {
        let state =
            Preconditions { uid: Some(uid.to_owned()), resource_version: Some(resource_version.to_owned()) };
        let parameters = DeleteParams { preconditions: Some(state), ..DeleteParams::background() };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource());
        match self.within(api.delete(name, &parameters)).await {
            Ok(_) => Ok(true),
            Err(ApiError::Conflict(_) | ApiError::Gone) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn page(&self, parameters: ListParams, next: Option<&str>) -> Result<Page, ApiError> {
        let parameters = parameters.limit(OBJECTS_PER_PAGE);
        let parameters = match next {
            Some(next) => parameters.continue_token(next),
            None => parameters,
        };
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource());
        let list = self.within(api.list(&parameters)).await?;
        Ok(Page {
            next: list.metadata.continue_.filter(|next| !next.is_empty()),
            // Each object is freed as soon as it is converted, so a page is not in memory twice.
            objects: list.items.into_iter().map(|object| as_json(&object)).collect(),
        })
    }
}

//! All objects of many namespaces, page by page.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};

use super::Kubernetes;
use super::objects::{SecretData, decoded};

const PER_PAGE: u32 = 500;

impl Kubernetes {
    /// Passes every Secret of the namespaces whose names begin with `prefix` to `look`, with its namespace and its name.
    ///
    /// # Errors
    /// When the API server does not answer, or a value is not text.
    pub async fn each_secret(
        &self,
        prefix: &str,
        mut look: impl FnMut(&str, &str, &SecretData),
    ) -> Result<()> {
        let secrets: Api<Secret> = Api::all(self.admin()?);
        let mut page = ListParams::default().limit(PER_PAGE);
        loop {
            let list = secrets.list(&page).await.context("the Secrets cannot be listed")?;
            for secret in list.items {
                let namespace = secret.metadata.namespace.clone().unwrap_or_default();
                let name = secret.metadata.name.clone().unwrap_or_default();
                if namespace.starts_with(prefix) {
                    look(&namespace, &name, &decoded(secret)?);
                }
            }
            match list.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => return Ok(()),
            }
        }
    }

    /// The number of `ExternalSecrets` in the namespaces whose names begin with `prefix`.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn external_secrets_in(&self, prefix: &str) -> Result<usize> {
        let kind = GroupVersionKind::gvk("external-secrets.io", "v1", "ExternalSecret");
        let resource = ApiResource::from_gvk_with_plural(&kind, "externalsecrets");
        let objects: Api<DynamicObject> = Api::all_with(self.admin()?, &resource);
        let (mut page, mut count) = (ListParams::default().limit(PER_PAGE), 0);
        loop {
            let list = objects.list_metadata(&page).await.context("the ExternalSecrets cannot be listed")?;
            let namespaces = list.items.iter().filter_map(|object| object.metadata.namespace.as_ref());
            count += namespaces.filter(|namespace| namespace.starts_with(prefix)).count();
            match list.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => return Ok(count),
            }
        }
    }
}

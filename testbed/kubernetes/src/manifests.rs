//! Manifests, applied as `kubectl apply --server-side` does.

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::{self, Scope};
use serde_json::Value;

use super::Kubernetes;

const FIELD_MANAGER: &str = "testbed";

impl Kubernetes {
    /// Applies every document of a YAML or JSON text as the admin.
    ///
    /// # Errors
    /// When the text is not a manifest, a namespaced object has no namespace, or the API server refuses.
    pub async fn apply_manifests(&self, text: &str) -> Result<()> {
        self.apply_all(None, text).await
    }

    /// As [`Kubernetes::apply_manifests`], with a default namespace.
    ///
    /// # Errors
    /// As [`Kubernetes::apply_manifests`].
    pub async fn apply_manifests_in(&self, namespace: &str, text: &str) -> Result<()> {
        self.apply_all(Some(namespace), text).await
    }

    async fn apply_all(&self, namespace: Option<&str>, text: &str) -> Result<()> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).context("the manifest is no YAML")?;
        for document in documents.iter().filter(|document| !document.is_null()) {
            self.apply(namespace, document).await?;
        }
        Ok(())
    }

    pub(super) async fn apply(&self, namespace: Option<&str>, document: &Value) -> Result<DynamicObject> {
        let object: DynamicObject =
            serde_json::from_value(document.clone()).context("the manifest is no object of Kubernetes")?;
        let name = object.metadata.name.clone().context("an object without a name")?;
        let types: TypeMeta = object.types.clone().context("an object without apiVersion and kind")?;
        let kind = GroupVersionKind::try_from(types)?;
        let what = || format!("{} {name} was not applied", kind.kind);
        let client = self.admin()?;
        let (resource, capabilities) = discovery::pinned_kind(&client, &kind).await.with_context(what)?;
        let objects: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(client, &resource),
            Scope::Namespaced => {
                let namespace = object.metadata.namespace.as_deref().or(namespace);
                let namespace =
                    namespace.with_context(|| format!("{} {name} names no namespace", kind.kind))?;
                Api::namespaced_with(client, namespace, &resource)
            }
        };
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        objects.patch(&name, &parameters, &Patch::Apply(document)).await.with_context(what)
    }
}

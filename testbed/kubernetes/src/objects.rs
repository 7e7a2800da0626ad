//! Objects that tests create and read, as the admin.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::TryStreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, WatchEvent, WatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::Kubernetes;

/// The decoded data of a Secret.
pub type SecretData = BTreeMap<String, String>;

impl Kubernetes {
    /// Creates a namespace with labels, or sets the labels if it exists.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn create_namespace(&self, name: &str, labels: &[(&str, &str)]) -> Result<()> {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.apply(None, &namespace).await.map(drop)
    }

    /// The decoded data of a Secret; `None` if it does not exist.
    ///
    /// # Errors
    /// When the API server does not answer, or a value is not text.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<SecretData>> {
        secret_with(self.admin()?, namespace, name).await
    }

    /// Whether a Secret exists and is immutable.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn is_immutable(&self, namespace: &str, name: &str) -> Result<bool> {
        let secret = Api::<Secret>::namespaced(self.admin()?, namespace).get_opt(name).await?;
        Ok(secret.is_some_and(|secret| secret.immutable == Some(true)))
    }

    /// Deletes a Secret, as its owner does.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_secret(&self, namespace: &str, name: &str) -> Result<()> {
        let secrets = Api::<Secret>::namespaced(self.admin()?, namespace);
        secrets.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The current state of an `ExternalSecret`; `None` if it does not exist.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn external_secret(&self, namespace: &str, name: &str) -> Result<Option<Value>> {
        self.operator_object("ExternalSecret", "externalsecrets", namespace, name).await
    }

    /// Changes fields of an `ExternalSecret`, as a user does with `kubectl edit`.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn edit_external_secret(&self, namespace: &str, name: &str, change: &Value) -> Result<()> {
        let kind = GroupVersionKind::gvk("external-secrets.io", "v1", "ExternalSecret");
        let resource = ApiResource::from_gvk_with_plural(&kind, "externalsecrets");
        let objects: Api<DynamicObject> = Api::namespaced_with(self.admin()?, namespace, &resource);
        let parameters =
            PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        objects.patch(name, &parameters, &Patch::Merge(change)).await?;
        Ok(())
    }

    pub(super) async fn operator_object(
        &self,
        kind: &str,
        plural: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>> {
        let kind = GroupVersionKind::gvk("external-secrets.io", "v1", kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, plural);
        let objects: Api<DynamicObject> = Api::namespaced_with(self.admin()?, namespace, &resource);
        Ok(objects.get_opt(name).await?.map(serde_json::to_value).transpose()?)
    }

    /// Waits until the data of a Secret are as `wanted`, and returns them.
    ///
    /// # Errors
    /// When they are not within `limit`. The message contains the keys of the Secret at that time.
    pub async fn wait_for_secret(
        &self,
        namespace: &str,
        name: &str,
        wanted: impl Fn(&SecretData) -> bool,
        limit: Duration,
    ) -> Result<SecretData> {
        let client = self.admin()?;
        let mut found = None;
        let follow = follow(&client, namespace, name, |secret| {
            let data = secret.map(decoded).transpose()?;
            let done = data.as_ref().is_some_and(&wanted);
            found = data;
            Ok(done)
        });
        match tokio::time::timeout(limit, follow).await {
            Ok(followed) => followed?,
            Err(_) => {
                let keys = found.map(|data| data.into_keys().collect::<Vec<_>>());
                bail!("Secret {namespace}/{name} is not as wanted after {limit:?}; its keys are {keys:?}")
            }
        }
        found.context("the Secret was deleted")
    }
}

/// As [`Kubernetes::secret`], with a client that keeps connections, for many calls in one runtime.
///
/// # Errors
/// As [`Kubernetes::secret`].
pub async fn secret_with(client: Client, namespace: &str, name: &str) -> Result<Option<SecretData>> {
    let secrets: Api<Secret> = Api::namespaced(client, namespace);
    secrets.get_opt(name).await?.map(decoded).transpose()
}

/// Passes every state of a Secret, from the current one, to `seen` until `seen` returns true. `None` means deleted.
pub(super) async fn follow(
    client: &Client,
    namespace: &str,
    name: &str,
    mut seen: impl FnMut(Option<Secret>) -> Result<bool>,
) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let only_this = WatchParams::default().fields(&format!("metadata.name={name}"));
    loop {
        // Without a version, a watch begins with the current state.
        let mut events = pin!(secrets.watch(&only_this, "").await.context("the Secret cannot be watched")?);
        while let Some(event) = events.try_next().await.context("the watch of the Secret broke off")? {
            let state = match event {
                WatchEvent::Added(secret) | WatchEvent::Modified(secret) => Some(secret),
                WatchEvent::Deleted(_) => None,
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(error) => return Err(error).context("the watch of the Secret failed"),
            };
            if seen(state)? {
                return Ok(());
            }
        }
    }
}

pub(super) fn decoded(secret: Secret) -> Result<SecretData> {
    let text = |(key, value): (String, k8s_openapi::ByteString)| {
        let value = String::from_utf8(value.0).with_context(|| format!("the value of {key} is no text"))?;
        Ok((key, value))
    };
    secret.data.unwrap_or_default().into_iter().map(text).collect()
}

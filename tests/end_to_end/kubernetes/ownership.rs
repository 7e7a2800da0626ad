//! Objects of somebody else are never overwritten. Changes to objects of secret2eks are reverted.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::Cloud;

use super::routed::{NAMESPACE, Routed, shared_namespace, until};

/// An ExternalSecret that reads `arn` into the Secret `target`.
fn external_secret(object: &str, target: &str, arn: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": {"namespace": NAMESPACE, "name": object, "annotations": annotations},
        "spec": {
            // The operator would write "1h" in this form.
            "refreshInterval": "1h0m0s",
            "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "target": {"name": target},
            "data": [{"secretKey": "password", "remoteRef": {"key": arn, "property": "password"}}],
        },
    })
}

async fn apply(cloud: &Cloud, object: &Value) -> Result<()> {
    cloud.kubernetes()?.apply_manifests(&object.to_string()).await
}

#[test]
fn an_external_secret_of_another_secret_or_of_somebody_else_is_never_overwritten() -> Result<()> {
    on_the_cluster(async |cloud| {
        shared_namespace(cloud).await?;
        let other = Routed::delivered(cloud, &name("owner"), &[]).await?;
        let intruder = Routed::create(cloud, &name("intruder"), &[("secret2eks/name", &other.name)]).await?;
        intruder.refused("delivery.name_taken", &other.arn).await?;

        let by_hand = name("by-hand");
        apply(cloud, &external_secret(&by_hand, &by_hand, &other.arn, &json!({}))).await?;
        let secret = Routed::create(cloud, &by_hand, &[]).await?;
        secret.refused("delivery.name_taken", "secret2eks did not create it").await?;
        let untouched = secret.external_secret().await?;
        ensure!(untouched["metadata"]["annotations"].is_null(), "{}", untouched["metadata"]);
        Ok(())
    })
}

#[test]
fn a_kubernetes_secret_of_another_external_secret_is_never_overwritten() -> Result<()> {
    on_the_cluster(async |cloud| {
        shared_namespace(cloud).await?;
        let (source, target) = (Routed::create(cloud, &name("source"), &[]).await?, name("target"));
        apply(cloud, &external_secret(&name("elsewhere"), &target, &source.arn, &json!({}))).await?;
        until("the target is there", async || {
            Ok(cloud.kubernetes()?.secret(NAMESPACE, &target).await?.is_some())
        })
        .await?;
        let secret = Routed::create(cloud, &target, &[]).await?;
        secret.refused("delivery.name_taken", "belongs to another ExternalSecret").await?;
        let data = cloud.kubernetes()?.secret(NAMESPACE, &target).await?.unwrap_or_default();
        ensure!(data.len() == 1, "it was overwritten");
        Ok(())
    })
}

#[test]
fn an_edit_by_hand_is_reverted_by_the_next_delivery() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::delivered(cloud, &name("edited"), &[]).await?;
        let kubernetes = cloud.kubernetes()?;
        let edit = json!({"spec": {"refreshInterval": "0", "data": [
            {"secretKey": "password", "remoteRef": {"key": secret.arn, "property": "host"}},
        ]}});
        kubernetes.edit_external_secret(NAMESPACE, &secret.name, &edit).await?;
        secret.put("second").await?;
        secret.arrived("second").await?;
        let object = secret.external_secret().await?;
        ensure!(object["spec"]["refreshInterval"] == "1h0m0s", "{}", object["spec"]);
        ensure!(object["spec"]["data"].as_array().is_some_and(|data| data.len() == 2), "{}", object["spec"]);
        Ok(())
    })
}

#[test]
fn somebody_else_who_applies_the_same_object_is_a_conflict_and_is_named() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::delivered(cloud, &name("contested"), &[]).await?;
        let annotations = json!({"secret2eks/secret-arn": secret.arn});
        let mut theirs = external_secret(&secret.name, &secret.name, &secret.arn, &annotations);
        theirs["spec"]["refreshInterval"] = json!("5m");
        apply(cloud, &theirs).await?;
        secret.refused("delivery.conflict", "testbed").await?;
        ensure!(secret.external_secret().await?["spec"]["refreshInterval"] == "5m");
        Ok(())
    })
}

#[test]
fn refresh_touches_the_annotations_of_an_external_secret_that_gitops_owns_and_nothing_else() -> Result<()> {
    on_the_cluster(async |cloud| {
        let mode = ("secret2eks/mode", "refresh");
        let secret = Routed::create(cloud, &name("gitops"), &[mode, ("secret2eks/store", "")]).await?;
        secret.refused("delivery.external_secret_missing", "does not exist").await?;

        apply(cloud, &external_secret(&secret.name, &secret.name, &secret.arn, &json!({}))).await?;
        let before = secret.external_secret().await?;
        let version = secret.put("second").await?;
        let data = secret.arrived("second").await?;
        ensure!(data.len() == 1, "{:?}", data.keys());
        secret.receipt(&version).await?;
        let after = secret.external_secret().await?;
        ensure!(
            after["spec"] == before["spec"] && after["metadata"]["labels"] == before["metadata"]["labels"]
        );
        ensure!(after["metadata"]["annotations"]["secret2eks/version-id"] == version.as_str());
        Ok(())
    })
}

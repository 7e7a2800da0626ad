//! First and repeated deliveries, and what the cluster receives.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name, on_the_cluster};
use serde_json::json;

use super::life::Suite;
use super::routed::{NAMESPACE, RECEIPT, Routed, until};

#[test]
fn a_new_secret_with_tags_reaches_the_cluster_and_gets_its_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::create(cloud, &name("new"), &[]).await?;
        cloud.request_delivery(&secret.arn).await?;
        let data = secret.arrived("first").await?;
        ensure!(data.len() == 2 && data["username"] == "cookie", "{:?}", data.keys());
        let version = secret.current().await?;
        secret.receipt(&version).await?;
        let object = secret.external_secret().await?;
        let annotations = &object["metadata"]["annotations"];
        ensure!(annotations["secret2eks/secret-arn"] == secret.arn.as_str(), "{annotations}");
        ensure!(annotations["secret2eks/version-id"] == version.as_str(), "{annotations}");
        ensure!(object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "secret2eks");
        ensure!(object["spec"]["refreshInterval"] == "1h0m0s", "{}", object["spec"]);
        ensure!(!object.to_string().contains("uuid/"), "the version is pinned");
        Ok(())
    })
}

#[test]
fn a_repeated_delivery_changes_nothing_in_the_cluster() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::create(cloud, &name("repeated"), &[]).await?;
        // A sync in the same second as the write proves nothing, so the first repetitions may request another one.
        until("a delivery finds nothing to do", async || Ok(secret.deliver().await?["changed"] == false))
            .await?;
        let before = secret.external_secret().await?["metadata"]["resourceVersion"].clone();
        let again = secret.deliver().await?;
        ensure!(again["outcome"] == "delivered" && again["changed"] == false, "{again}");
        ensure!(secret.external_secret().await?["metadata"]["resourceVersion"] == before);
        Ok(())
    })
}

#[test]
fn the_tag_says_which_keys_the_cluster_gets_and_masterarn_never_goes() -> Result<()> {
    on_the_cluster(async |cloud| {
        let keys = ("secret2eks/keys", "password host");
        let secret = Routed::delivered(cloud, &name("keys"), &[keys]).await?;
        let data = secret.arrived("first").await?;
        ensure!(data.keys().eq(["host", "password"]), "{:?}", data.keys());

        let with_admin = ("secret2eks/keys", "password masterarn");
        let secret = Routed::create(cloud, &name("masterarn"), &[with_admin]).await?;
        secret.refused("delivery.tags_invalid", "never copied").await?;
        ensure!(cloud.kubernetes()?.secret(NAMESPACE, &secret.name).await?.is_none());
        Ok(())
    })
}

#[test]
fn a_lost_receipt_is_written_again() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::delivered(cloud, &name("lost-receipt"), &[]).await?;
        cloud.set_tags(&secret.arn, &[(RECEIPT, "nothing")]).await?;
        secret.deliver().await?;
        secret.receipt(&secret.current().await?).await
    })
}

#[test]
fn a_secret_without_tags_is_not_meant_for_kubernetes_and_nobody_is_notified() -> Result<()> {
    on_the_cluster(async |cloud| {
        let secret = Routed::create_tagged(cloud, &name("plain"), &[("team", "cookies")]).await?;
        let answer = secret.deliver().await?;
        ensure!(answer["outcome"] == "notForKubernetes", "{answer}");
        ensure!(answer["reason"] == json!("the secret has no tags `secret2eks/...`"), "{answer}");
        ensure!(cloud.notices.envelopes_about(&secret.arn).await?.is_empty());
        Ok(())
    })
}

#[test]
fn what_is_taken_back_during_a_delivery_is_not_created_again() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let suite = Suite::deploy(cloud, "taken-back").await?;
        let (kubernetes, secret) = (cloud.kubernetes()?, suite.delivered("customer").await?);
        // The delivery restores the specification. A second later, it writes the object again, to ask for a sync.
        let edit = json!({"spec": {"refreshInterval": "5m"}});
        kubernetes.edit_external_secret(&suite.namespace, &secret.name, &edit).await?;
        let taken_back = async {
            until("the delivery has restored the object", async || {
                let object = secret.external_secret().await?.context("no ExternalSecret")?;
                Ok(object["spec"]["refreshInterval"] == "1h0m0s")
            })
            .await?;
            secret.delete().await?;
            until("the reconcile takes it back", async || Ok(suite.reconcile().await?["takenBack"] == 1))
                .await
        };
        let (delivered, taken_back) = tokio::join!(secret.attempt(), taken_back);
        taken_back?;
        delivered?.value()?;
        secret.left().await
    })
}

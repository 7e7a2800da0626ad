//! Changes of others to an ExternalSecret of secret2eks are reverted before the receipt is written.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};

use super::routed::{NAMESPACE, RECEIPT, Routed, until};

/// Changes the specification. The argument is the first version of the secret.
type Change = fn(&mut Value, &str);

#[test]
fn additions_of_others_to_an_external_secret_of_ours_are_reverted_before_the_receipt() -> Result<()> {
    on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let table: [(&str, Change); 5] = [
            ("template", |spec, _| spec["target"] = json!({"template": {"data": {"password": "old"}}})),
            ("dataFrom", |spec, _| spec["dataFrom"] = json!([{"find": {"name": {"regexp": "^none$"}}}])),
            ("refresh", |spec, _| spec["refreshPolicy"] = json!("CreatedOnce")),
            ("version", |spec, version| {
                for item in spec["data"].as_array_mut().into_iter().flatten() {
                    item["remoteRef"]["version"] = json!(format!("uuid/{version}"));
                }
            }),
            ("decoding", |spec, _| spec["data"][0]["remoteRef"]["decodingStrategy"] = json!("Base64URL")),
        ];
        for (edit, change) in table {
            let secret = Routed::delivered(cloud, &name("edited"), &[]).await?;
            secret.receipt(&secret.current().await?).await?;
            let before = secret.external_secret().await?;
            let mut patch = json!({"data": before["spec"]["data"]});
            change(&mut patch, &secret.current().await?);
            // A delivery of the current version detects the change, too.
            for _ in 0..2 {
                kubernetes.edit_external_secret(NAMESPACE, &secret.name, &json!({"spec": patch})).await?;
                secret.deliver().await.with_context(|| edit.to_owned())?;
                let held = kubernetes.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
                ensure!(held.get("password").is_some_and(|held| held == "first"), "{edit}: {held:?}");
                let after = secret.external_secret().await?;
                ensure!(after["spec"] == before["spec"], "{edit}: {} {}", before["spec"], after["spec"]);
            }
            kubernetes.edit_external_secret(NAMESPACE, &secret.name, &json!({"spec": patch})).await?;
            let version = secret.put("second").await?;
            secret.deliver().await.with_context(|| edit.to_owned())?;
            let held = kubernetes.secret(NAMESPACE, &secret.name).await?.context("no Secret")?;
            ensure!(held.get("password").is_some_and(|held| held == "second"), "{edit}: {held:?}");
            secret.receipt(&version).await?;
        }
        Ok(())
    })
}

/// At this point the operator has made the Kubernetes Secret immutable, and only the owner of the Secret may delete
/// it.
#[test]
fn an_external_secret_of_ours_that_was_made_immutable_earns_no_receipt_until_the_secret_can_change()
-> Result<()> {
    on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let secret = Routed::delivered(cloud, &name("immutable"), &[]).await?;
        let first = secret.current().await?;
        secret.receipt(&first).await?;
        let edit = json!({"spec": {"target": {"immutable": true}}});
        kubernetes.edit_external_secret(NAMESPACE, &secret.name, &edit).await?;
        until("the operator has obeyed", async || kubernetes.is_immutable(NAMESPACE, &secret.name).await)
            .await?;
        let second = secret.put("second").await?;
        secret.refused("delivery.not_synced", "immutable").await?;
        ensure!(
            cloud.tag_of(&secret.arn, RECEIPT).await?.as_deref() == Some(first.as_str()),
            "a false receipt"
        );
        ensure!(secret.external_secret().await?["spec"]["target"]["immutable"].as_bool() != Some(true));
        kubernetes.delete_secret(NAMESPACE, &secret.name).await?;
        secret.deliver().await?;
        secret.arrived("second").await?;
        secret.receipt(&second).await
    })
}

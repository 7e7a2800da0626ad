//! Wrong tags. Each failure has its kind, names the tag or the object, and changes nothing.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cluster};
use serde_json::json;
use testbed::cloud::{Cloud, route_to};

use super::routed::{Routed, refused};

#[test]
fn some_tags_but_not_all_name_the_one_that_is_missing() -> Result<()> {
    on_the_cluster(async |cloud| {
        for missing in ["secret2eks/namespace", "secret2eks/name", "secret2eks/store"] {
            let secret = Routed::create(cloud, &name("incomplete"), &[(missing, "")]).await?;
            secret.refused("delivery.tags_invalid", &format!("the tag `{missing}` is missing")).await?;
        }
        Ok(())
    })
}

#[test]
fn names_that_kubernetes_does_not_take_are_refused_before_it_is_asked() -> Result<()> {
    on_the_cluster(async |cloud| {
        for (tag, value) in [
            ("secret2eks/namespace", "Shared"),
            ("secret2eks/namespace", "../kube-system"),
            ("secret2eks/name", "cookie_secret"),
            ("secret2eks/store", "aws"),
            ("secret2eks/keys", "user/name"),
            ("secret2eks/keys", "username host"),
            ("secret2eks/mode", "replace"),
        ] {
            let secret = Routed::create(cloud, &name("misnamed"), &[(tag, value)]).await?;
            secret.refused("delivery.tags_invalid", &format!("the tag `{tag}` is `{value}`")).await?;
        }
        Ok(())
    })
}

#[test]
fn a_namespace_that_does_not_exist_is_named() -> Result<()> {
    on_the_cluster(async |cloud| {
        let own = name("homeless");
        let secret = Routed::create_tagged(cloud, &own, &route_to("nowhere", &own)).await?;
        secret.refused("delivery.namespace_missing", "the namespace `nowhere`").await
    })
}

#[test]
fn a_store_that_does_not_exist_and_a_key_that_is_not_in_the_secret_are_not_synced() -> Result<()> {
    on_the_cluster(async |cloud| {
        for change in [("secret2eks/store", "SecretStore/none"), ("secret2eks/keys", "password pin")] {
            let secret = Routed::create(cloud, &name("unsynced"), &[change]).await?;
            secret.refused("delivery.not_synced", &secret.name).await?;
            ensure!(cloud.tag_of(&secret.arn, super::routed::RECEIPT).await?.is_none(), "it has a receipt");
        }
        Ok(())
    })
}

#[test]
fn an_event_of_another_shape_is_refused_and_a_deleted_secret_needs_no_delivery() -> Result<()> {
    on_the_cluster(async |cloud| {
        refused(
            &ask(cloud, &json!({"secret": "x"})).await?,
            "event.invalid",
            "the function does not accept the event",
        )?;
        let gone = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rabbitmq/gone-AbCdEf";
        let request =
            json!({"secretArn": gone, "versionId": "0123456789abcdef0123456789abcdef", "attempt": 1});
        let answer = ask(cloud, &request).await?.value()?;
        ensure!(answer["outcome"] == "notForKubernetes", "{answer}");
        let secret = Routed::create(cloud, &name("deleted"), &[]).await?;
        let version = secret.current().await?;
        cloud.secrets.delete_secret().secret_id(&secret.arn).recovery_window_in_days(7).send().await?;
        let request = json!({"secretArn": secret.arn, "versionId": version, "attempt": 1});
        let answer = ask(cloud, &request).await?.value()?;
        ensure!(answer["outcome"] == "notForKubernetes", "{answer}");
        Ok(())
    })
}

async fn ask(cloud: &Cloud, event: &serde_json::Value) -> Result<testbed::cloud::Answer> {
    cloud.invoke_function(cloud.delivery_function()?, event).await
}

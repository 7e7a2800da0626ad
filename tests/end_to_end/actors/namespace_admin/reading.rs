//! What the admin of a namespace can read through its store, its templates and the tokens of its service accounts.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{alone_on_the_cluster, name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, route_to, tag};

use super::namespace_admin;
use crate::actors::actor::{Actor, Attempt, attempt};
use crate::kubernetes::admission::under_the_policies;
use crate::kubernetes::routed::{NAMESPACE, RECEIPT, Routed, shared_namespace, until};

/// An ExternalSecret that copies the password of `secret` through the store `aws`.
pub fn reading(namespace: &str, name: &str, secret: &str) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "refreshInterval": "1h", "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "target": {"name": name},
            "data": [{"secretKey": "password", "remoteRef": {"key": secret, "property": "password"}}],
        },
    })
}

/// Waits for the operator's status of the object, and checks that there is no Secret.
pub async fn nothing_came(cloud: &Cloud, namespace: &str, name: &str) -> Result<()> {
    let kubernetes = cloud.kubernetes()?;
    until("the operator says that it did not work", async || {
        let object = kubernetes.external_secret(namespace, name).await?.context("no ExternalSecret")?;
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        if ready.is_some_and(|ready| ready["status"] == "True") {
            let data = kubernetes.secret(namespace, name).await?;
            anyhow::bail!("it worked, and the Secret holds {data:?}");
        }
        Ok(ready.is_some_and(|ready| ready["status"] == "False"))
    })
    .await?;
    ensure!(kubernetes.secret(namespace, name).await?.is_none(), "{namespace}/{name} is there");
    Ok(())
}

#[test]
fn a_store_reads_no_secret_that_goes_to_another_namespace_or_nowhere() -> Result<()> {
    on_the_cluster(async |cloud| {
        shared_namespace(cloud).await?;
        let admin = namespace_admin(cloud, NAMESPACE).await?;
        let other = name("other-namespace");
        let elsewhere = Routed::create_tagged(cloud, &other, &route_to(&other, &other)).await?;
        let nowhere = cloud.create_app(&name("nowhere")).await?;
        for arn in [&elsewhere.arn, &nowhere.arn, &cloud.admin_secret] {
            let stolen = name("stolen");
            admin.apply(&reading(NAMESPACE, &stolen, arn)).await?.allowed("an ExternalSecret")?;
            nothing_came(cloud, NAMESPACE, &stolen).await?;
        }
        Ok(())
    })
}

#[test]
fn a_template_reads_no_kubernetes_secret_of_another_namespace() -> Result<()> {
    alone_on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let (victim, tenant) = (name("victim"), name("tenant"));
        kubernetes.create_delivery_namespace(&cloud.aws, &tenant, &[("tenant", "acme")]).await?;
        kubernetes.create_namespace(&victim, &[]).await?;
        let own = name("own");
        let mut tags = route_to(&tenant, &own).to_vec();
        tags.push(("tenant", "acme"));
        let own = Routed::create_tagged(cloud, &own, &tags).await?;
        let loot = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": victim, "name": "broker"},
            "stringData": {"password": "of another tenant"},
        });
        kubernetes.apply_manifests(&loot.to_string()).await?;
        let admin = namespace_admin(cloud, &tenant).await?;
        admin.kubectl(&["get", "secrets", "--namespace", &victim]).await?.denied("reading it directly")?;
        let stolen = name("stolen");
        let mut steal = reading(&tenant, &stolen, &own.arn);
        let template = format!("{{{{ getSecretKey \"broker\" \"{victim}\" \"password\" }}}}");
        steal["spec"]["target"]["template"] = json!({"engineVersion": "v2", "data": {"loot": template}});
        // The testbed's operator has the function, like all versions before 1.2.0. The policy denies it first.
        under_the_policies(cloud, async || {
            // A new policy takes effect after a moment.
            until("the policy refuses the template", async || {
                if matches!(admin.apply(&steal).await?, Attempt::Denied(_)) {
                    return Ok(true);
                }
                admin.kubectl(&["delete", "externalsecret", &stolen]).await?.allowed("its deletion")?;
                Ok(false)
            })
            .await
        })
        .await
    })
}

#[test]
fn a_token_of_the_stores_account_is_good_for_the_namespaces_secrets_and_for_reading_only() -> Result<()> {
    on_the_cluster(async |cloud| {
        let (kubernetes, own, other) = (cloud.kubernetes()?, name("own"), name("other"));
        let mut roles = Vec::new();
        for namespace in [&own, &other] {
            kubernetes.create_namespace(namespace, &[]).await?;
            roles.push(kubernetes.create_secret_store(&cloud.aws, namespace, "aws").await?);
        }
        let [own_role, other_role] = roles.as_slice() else { anyhow::bail!("two roles were expected") };
        let ours = Routed::create_tagged(cloud, &own, &route_to(&own, &own)).await?;
        let theirs = Routed::create_tagged(cloud, &other, &route_to(&other, &other)).await?;
        let admin = namespace_admin(cloud, &own).await?;
        let create = ["create", "token", "aws", "--audience", "sts.amazonaws.com"];
        let token = admin.kubectl(&create).await?.allowed("a token of the store's account")?;
        let assume = async |role: &str| Actor::with_web_identity(cloud, role, token.trim()).await;
        ensure!(matches!(assume(other_role).await?, Attempt::Denied(_)), "it has the other namespace's role");
        let Attempt::Allowed(store) = assume(own_role).await? else {
            anyhow::bail!("the store's account has no role")
        };
        let read = |arn: &str| {
            let read = store.secrets.get_secret_value().secret_id(arn);
            async { attempt(read.send().await) }
        };
        read(&ours.arn).await?.allowed("the namespace's own secret")?;
        for arn in [&theirs.arn, &cloud.admin_secret] {
            read(arn).await?.denied(arn)?;
        }
        store.put(&ours.arn, "{}", &["AWSCURRENT"]).await?.denied("a value")?;
        let tagged = store.secrets.tag_resource().secret_id(&ours.arn).tags(tag(RECEIPT, "x")).send().await;
        attempt(tagged)?.denied("a receipt")
    })
}

//! A tenant's secret goes to that tenant's namespace, and nowhere else.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use end_to_end::{name, on_the_cluster};
use serde_json::{Value, json};
use testbed::cloud::{Cloud, route_to, tag, workspace};
use testbed::kubernetes::StoreScope;

use super::routed::{Routed, until};
use crate::support::run_cli;

#[test]
fn the_tag_and_the_label_tenant_must_be_equal_including_neither() -> Result<()> {
    on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let (acme, nobody) = (name("acme"), name("nobody"));
        kubernetes.create_delivery_namespace(&cloud.aws, &acme, &[("tenant", "acme")]).await?;
        kubernetes.create_namespace(&nobody, &[]).await?;
        for (tenant, namespace, words) in [
            (Some("other"), &acme, "(tag `tenant`: `other`)"),
            (None, &acme, "(tag `tenant`: none)"),
            (Some("acme"), &nobody, "(label `tenant`: none)"),
        ] {
            let own = name("tenant");
            let mut tags = route_to(namespace, &own).to_vec();
            tags.extend(tenant.map(|tenant| ("tenant", tenant)));
            let secret = Routed::create_tagged(cloud, &own, &tags).await?;
            secret.refused("delivery.tenant_mismatch", words).await?;
            ensure!(kubernetes.external_secret(namespace, &own).await?.is_none(), "{own} was made");
        }
        let own = name("tenant");
        let mut tags = route_to(&acme, &own).to_vec();
        tags.push(("tenant", "acme"));
        let secret = Routed::create_tagged(cloud, &own, &tags).await?;
        let delivered = secret.deliver().await?;
        ensure!(delivered["namespace"] == acme.as_str(), "{delivered}");
        Ok(())
    })
}

/// Secrets Manager as a user with all its permissions, except those that the policy of `infra/policies` denies.
async fn as_tenant(cloud: &Cloud) -> Result<Client> {
    let user = name("tenant");
    let policy =
        std::fs::read_to_string(workspace().join("infra/policies/tenants-set-no-routing-tags.json"))?;
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}"#;
    run_cli(cloud, &["iam", "create-user", "--user-name", &user]).await?;
    for (policy, document) in [("all", all), ("no-routing-tags", policy.as_str())] {
        let names = ["--user-name", &user, "--policy-name", policy, "--policy-document", document];
        run_cli(cloud, &[&["iam", "put-user-policy"], &names[..]].concat()).await?;
    }
    let made = run_cli(cloud, &["iam", "create-access-key", "--user-name", &user]).await?;
    let text = |field: &str| made["AccessKey"][field].as_str().context("no access key");
    Ok(Client::new(&cloud.aws.sdk_config_as(text("AccessKeyId")?, text("SecretAccessKey")?, None).await))
}

#[test]
fn the_policy_keeps_tenants_from_deciding_where_a_secret_goes() -> Result<()> {
    on_the_cluster(async |cloud| {
        let tenant = as_tenant(cloud).await?;
        let secret = Routed::create_tagged(cloud, &name("policy"), &[]).await?;
        for key in [
            "secret2eks/namespace",
            "secret2eks/delivered",
            "secret2eks/cluster",
            "rotation-mq",
            "rotation-mq/user",
            "rotation-watch/owner",
            "tenant",
            // IAM ignores case in the name of a tag in a role's condition.
            "Secret2EKS/namespace",
            "secret2eks/Delivered",
            "Rotation-MQ",
            "ROTATION-WATCH/MAX-AGE-DAYS",
            "Tenant",
        ] {
            let set = tenant.tag_resource().secret_id(&secret.arn).tags(tag(key, "x")).send().await;
            let code = set.err().and_then(|error| error.code().map(str::to_owned));
            ensure!(code.as_deref() == Some("AccessDeniedException"), "set {key}: {code:?}");
            let taken = tenant.untag_resource().secret_id(&secret.arn).tag_keys(key).send().await;
            ensure!(taken.is_err(), "{key} was taken off");
            let create = tenant.create_secret().name(name("tagged")).secret_string("{}").tags(tag(key, "x"));
            ensure!(create.send().await.is_err(), "a secret was made with {key}");
        }
        tenant.tag_resource().secret_id(&secret.arn).tags(tag("team", "cookies")).send().await?;
        tenant.put_secret_value().secret_id(&secret.arn).secret_string("{}").send().await?;
        Ok(())
    })
}

/// The condition Ready and its message, which show whether the operator could read the secret with the store of
/// `namespace`.
async fn reads(cloud: &Cloud, namespace: &str, key: &str) -> Result<(bool, String)> {
    let kubernetes = cloud.kubernetes()?;
    let own = name("read");
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": {"namespace": namespace, "name": own},
        "spec": {
            "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "data": [{"secretKey": "password", "remoteRef": {"key": key, "property": "password"}}],
        },
    });
    kubernetes.apply_manifests(&object.to_string()).await?;
    let mut ready = json!(null);
    until("the operator has tried to read it", async || {
        let object = kubernetes.external_secret(namespace, &own).await?.context("no ExternalSecret")?;
        ready = object["status"]["conditions"][0].clone();
        Ok(ready.is_object())
    })
    .await?;
    let is_there = kubernetes.secret(namespace, &own).await?.is_some();
    ensure!(is_there == (ready["status"] == "True"), "{ready}");
    Ok((is_there, ready.to_string()))
}

#[test]
fn a_store_reads_no_secret_of_another_cluster_and_of_no_other_tenant() -> Result<()> {
    on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        // Two clusters have the same name, and a name has a new tenant. A store without both tags can read the same
        // secrets as before.
        let (scoped, open) = (name("scoped"), name("open"));
        let scope = StoreScope { cluster: "testbed", tenant: "acme", ..StoreScope::default() };
        kubernetes.create_scoped_namespace(&cloud.aws, &scoped, &[("tenant", "acme")], scope).await?;
        kubernetes.create_delivery_namespace(&cloud.aws, &open, &[]).await?;
        for (cluster, tenant, expected) in [
            (Some("testbed"), Some("acme"), true),
            (Some("production"), Some("acme"), false),
            (None, Some("acme"), false),
            (Some("testbed"), Some("former"), false),
            (Some("testbed"), None, false),
        ] {
            let mut tags = vec![];
            tags.extend(cluster.map(|cluster| ("secret2eks/cluster", cluster)));
            tags.extend(tenant.map(|tenant| ("tenant", tenant)));
            for (namespace, expected) in [(&scoped, expected), (&open, true)] {
                let mut tags = tags.clone();
                tags.push(("secret2eks/namespace", namespace));
                let secret = Routed::create_tagged(cloud, &name("scoped"), &tags).await?;
                let (is_read, said) = reads(cloud, namespace, &secret.arn).await?;
                ensure!(is_read == expected, "{tags:?}: {said}");
            }
        }
        Ok(())
    })
}

#[test]
fn a_secret_of_another_cluster_is_not_delivered_and_a_direct_request_for_it_fails() -> Result<()> {
    on_the_cluster(async |cloud| {
        let other =
            Routed::create(cloud, &name("elsewhere"), &[("secret2eks/cluster", "production")]).await?;
        let words = "goes to the cluster `production` (tag `secret2eks/cluster`), but this function delivers to `testbed`";
        other.refused("delivery.tags_invalid", words).await?;
        let event = native_event(&other);
        let answer = cloud.invoke_function(cloud.delivery_function()?, &event).await?.value()?;
        ensure!(answer == json!({"outcome": "otherCluster", "cluster": "production"}), "{answer}");
        ensure!(cloud.kubernetes()?.external_secret(super::routed::NAMESPACE, &other.name).await?.is_none());
        let own = Routed::delivered(cloud, &name("here"), &[("secret2eks/cluster", "testbed")]).await?;
        own.receipt(&own.current().await?).await
    })
}

/// The event of Secrets Manager after AWSCURRENT was attached to a version.
fn native_event(secret: &Routed<'_>) -> Value {
    json!({
        "version": "0", "id": "x", "account": "000000000000", "region": "us-east-1", "time": "2026-11-25T03:00:00Z",
        "source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "resources": [secret.arn],
        "detail": {"name": format!("rabbitmq/{}", secret.name), "labelUpdated": "AWSCURRENT", "versionId": "v"},
    })
}

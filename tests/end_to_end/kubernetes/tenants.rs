//! A tenant's secret goes to that tenant's namespace, and nowhere else.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use end_to_end::{name, on_the_cluster};
use testbed::cloud::{Cloud, route_to, tag, workspace};

use super::routed::Routed;
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
            secret.refused("distribution.tenant_mismatch", words).await?;
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

/// Secrets Manager as a user who may do everything there, but for what the policy of `infra/policies` denies.
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
        for key in ["secret2eks/namespace", "secret2eks/delivered", "rotation-mq", "tenant"] {
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

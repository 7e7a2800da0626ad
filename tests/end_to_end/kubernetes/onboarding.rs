//! An application creates its customers' secrets with the role of `infra/kubernetes/onboarding-role.yaml`. With IAM
//! enforced, it can tag them only for their own tenant, and it cannot read them.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use end_to_end::{name, on_the_cluster};
use serde_json::json;
use testbed::cloud::{Cloud, route_to, tag, workspace};

use super::routed::Routed;
use crate::support::run_cli;

const NAMESPACE_TAG: &str = "secret2eks/namespace";
const STORE_TAG: &str = "secret2eks/store";

/// Secrets Manager with a session of the tenant's role.
async fn as_application(cloud: &Cloud, tenant: &str) -> Result<Client> {
    let user = name("application");
    let trusted = format!("arn:aws:iam::{}:role/{user}", cloud.aws.account());
    let root = format!("arn:aws:iam::{}:root", cloud.aws.account());
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"},
    ]});
    let create = ["iam", "create-role", "--role-name", &user, "--assume-role-policy-document"];
    run_cli(cloud, &[&create[..], &[&trust.to_string()]].concat()).await?;
    let template = workspace().join("infra/kubernetes/onboarding-role.yaml");
    let parameters = [("Tenant", tenant), ("Namespace", tenant), ("ApplicationRoleArn", &trusted)];
    let stack = cloud.aws.deploy(&format!("onboarding-{tenant}"), &template, &parameters, &[]).await?;
    let first = session(cloud, &[], &trusted).await?;
    let session = session(cloud, &first, stack.output("RoleArn")?).await?;
    let [key, secret, token] = session.as_slice() else { anyhow::bail!("no session") };
    Ok(Client::new(&cloud.aws.sdk_config_as(key, secret, Some(token)).await))
}

/// The credentials of a session of `role`, assumed with the credentials `as_whom`, or as the account's root.
async fn session(cloud: &Cloud, as_whom: &[String], role: &str) -> Result<Vec<String>> {
    let mut command = cloud.aws.cli();
    for (variable, value) in
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].iter().zip(as_whom)
    {
        command.env(variable, value);
    }
    command.args(["sts", "assume-role", "--role-arn", role, "--role-session-name", "application"]);
    command.args(["--output", "json"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let text = |field: &str| answer["Credentials"][field].as_str().map(str::to_owned);
    ["AccessKeyId", "SecretAccessKey", "SessionToken"]
        .map(text)
        .into_iter()
        .collect::<Option<_>>()
        .context("none")
}

/// The tags without `key`, and with another one instead.
fn changed<'t>(
    tags: &[(&'t str, &'t str)],
    key: &str,
    instead: Option<(&'t str, &'t str)>,
) -> Vec<(&'t str, &'t str)> {
    tags.iter().copied().filter(|(other, _)| *other != key).chain(instead).collect()
}

#[test]
fn an_application_creates_changes_and_deletes_secrets_of_its_tenant_and_reads_none() -> Result<()> {
    on_the_cluster(async |cloud| {
        let tenant = name("tenant");
        let labels = [("tenant", tenant.as_str())];
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &tenant, &labels).await?;
        let application = as_application(cloud, &tenant).await?;
        let own = name("customer");
        let mut tags = route_to(&tenant, &own).to_vec();
        tags.push(("tenant", &tenant));
        let create = |full: &str, tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| tag(key, value)).collect();
            let value = json!({"username": "customer", "password": "first"}).to_string();
            application.create_secret().name(full).secret_string(value).set_tags(Some(tags)).send()
        };
        let full = format!("rabbitmq/{tenant}/{own}");
        let arn = create(&full, &tags).await?.arn.context("no ARN")?;
        let secret = Routed { cloud, arn: arn.clone(), name: own.clone() };
        ensure!(secret.deliver().await?["namespace"] == tenant.as_str());

        // Elsewhere, without the tenant, as another tenant, with the name of a tag in another case.
        let other = format!("rabbitmq/other/{own}");
        for (full, tags) in [
            (other.as_str(), tags.clone()),
            (&full, changed(&tags, "tenant", None)),
            (&full, changed(&tags, "tenant", Some(("tenant", "rival")))),
            (&full, changed(&tags, "tenant", Some(("Tenant", "rival")))),
            (&full, changed(&tags, NAMESPACE_TAG, Some((NAMESPACE_TAG, "rival")))),
            (&full, changed(&tags, STORE_TAG, Some((STORE_TAG, "ClusterSecretStore/all")))),
        ] {
            let refused = create(&format!("{full}-x"), &tags).await.err();
            let code = refused.as_ref().and_then(|error| error.code());
            ensure!(code == Some("AccessDeniedException"), "{full} {tags:?}: {refused:?}");
        }
        for (key, value) in
            [("tenant", "rival"), ("secret2eks/namespace", "rival"), ("rotation-mq", "rotate")]
        {
            let refused = application.tag_resource().secret_id(&arn).tags(tag(key, value)).send().await;
            ensure!(refused.is_err(), "{key}={value} was set");
        }
        ensure!(application.untag_resource().secret_id(&arn).tag_keys("tenant").send().await.is_err());
        ensure!(application.get_secret_value().secret_id(&arn).send().await.is_err(), "it was read");

        application.put_secret_value().secret_id(&arn).secret_string("{}").send().await?;
        application.delete_secret().secret_id(&arn).send().await?;
        application.restore_secret().secret_id(&arn).send().await?;
        Ok(())
    })
}

#[test]
fn a_resource_policy_keeps_even_an_administrator_from_reading_a_customers_value() -> Result<()> {
    on_the_cluster(async |cloud| {
        let guarded = Routed::create(cloud, &name("unreadable"), &[]).await?;
        let (user, all) = (
            name("administrator"),
            json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
            ]}),
        );
        run_cli(cloud, &["iam", "create-user", "--user-name", &user]).await?;
        let put =
            ["iam", "put-user-policy", "--user-name", &user, "--policy-name", "all", "--policy-document"];
        run_cli(cloud, &[&put[..], &[&all.to_string()]].concat()).await?;
        let made = run_cli(cloud, &["iam", "create-access-key", "--user-name", &user]).await?;
        let text = |field: &str| made["AccessKey"][field].as_str().context("no access key");
        let config = cloud.aws.sdk_config_as(text("AccessKeyId")?, text("SecretAccessKey")?, None).await;
        let administrator = Client::new(&config);
        administrator.get_secret_value().secret_id(&guarded.arn).send().await?;
        // As in the guide: only the role of the namespace's store may read.
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "OnlyTheStoreReads", "Effect": "Deny", "Principal": "*", "Resource": "*",
            "Action": ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"],
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": format!("arn:aws:iam::{}:role/store-*", cloud.aws.account())}},
        }]});
        let put = cloud.secrets.put_resource_policy().secret_id(&guarded.arn);
        put.resource_policy(policy.to_string()).send().await?;
        let refused = administrator.get_secret_value().secret_id(&guarded.arn).send().await;
        let code = refused.err().and_then(|error| error.code().map(str::to_owned));
        ensure!(code.as_deref() == Some("AccessDeniedException"), "{code:?}");
        // The store still reads it.
        guarded.deliver().await?;
        guarded.arrived("first").await.map(drop)
    })
}

//! A secret with its own resource policy. A list of roles defines who may change it, whatever else a role is allowed
//! to do.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::types::FilterNameStringType;
use end_to_end::{name, on_the_cluster};
use serde_json::json;
use testbed::cloud::{App, Cloud, tag, workspace};

use super::routed::{LIMIT, RECEIPT};
use crate::support::converged;

/// A role with all permissions in Secrets Manager and the permission to invoke every function. Returns its ARN, and a
/// client of Secrets Manager with a session of the role.
async fn role(cloud: &Cloud, name: &str) -> Result<(String, Client)> {
    let all = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["secretsmanager:*", "lambda:InvokeFunction"], "Resource": "*"},
    ]});
    let arn = cloud.create_role(name).await?;
    cloud.put_role_policy(name, "all", &all).await?;
    let session = cloud.assume_role(&arn).await?;
    let config = cloud.aws.sdk_config_as(&session.key, &session.secret, Some(&session.token)).await;
    Ok((arn, Client::new(&config)))
}

/// Calls every operation that changes a secret as `client`. Returns the operations that were not denied.
async fn changes(client: &Client, arn: &str) -> Result<Vec<&'static str>> {
    let described = client.describe_secret().secret_id(arn).send().await?;
    let versions = described.version_ids_to_stages.unwrap_or_default();
    let current = versions.iter().find(|(_, stages)| stages.iter().any(|stage| stage == "AWSCURRENT"));
    let current = current.context("nothing is AWSCURRENT")?.0;
    let policy = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let mut allowed = Vec::new();
    let mut note = |call: &'static str, code: Option<&str>| {
        if code != Some("AccessDeniedException") {
            allowed.push(call);
        }
    };
    macro_rules! attempt {
        ($call:literal, $request:expr) => {
            let outcome = $request.secret_id(arn).send().await;
            note($call, outcome.err().as_ref().map_or(Some("none"), |error| error.code()));
        };
    }
    attempt!("PutSecretValue", client.put_secret_value().secret_string("{}").version_stages("evil"));
    attempt!("UpdateSecret", client.update_secret().description("evil"));
    attempt!(
        "UpdateSecretVersionStage",
        client.update_secret_version_stage().version_stage("evil").move_to_version_id(current)
    );
    attempt!("TagResource", client.tag_resource().tags(tag("secret2eks/namespace", "evil")));
    attempt!("UntagResource", client.untag_resource().tag_keys("evil"));
    attempt!("PutResourcePolicy", client.put_resource_policy().resource_policy(&policy));
    attempt!("DeleteResourcePolicy", client.delete_resource_policy());
    attempt!("CancelRotateSecret", client.cancel_rotate_secret());
    attempt!("RotateSecret", client.rotate_secret());
    attempt!("DeleteSecret", client.delete_secret());
    attempt!("RestoreSecret", client.restore_secret());
    Ok(allowed)
}

#[test]
fn a_guarded_secret_is_changed_by_the_listed_roles_alone_and_rotates_and_is_delivered() -> Result<()> {
    on_the_cluster(async |cloud| {
        let user = name("guarded");
        let (_, developer) = role(cloud, &format!("{user}-developer")).await?;
        let (pipeline_arn, pipeline) = role(cloud, &format!("{user}-pipeline")).await?;
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &user, &[]).await?;
        let secret = format!("rabbitmq/{user}");
        let template = workspace().join("infra/secret.yaml");
        let mut parameters = vec![
            ("SecretName", secret.as_str()),
            ("Username", &user),
            ("BrokerId", &cloud.broker_id),
            ("AdminSecretArn", &cloud.admin_secret),
            ("RotationFunctionArn", cloud.rotation_function()?),
            ("Namespace", &user),
            ("KubernetesSecretName", &user),
            ("Store", "SecretStore/aws"),
        ];
        // Without the parameter, the developer's identity policy decides, as before.
        cloud.aws.deploy(&user, &template, &parameters, &[]).await?;
        let described = developer.describe_secret().secret_id(&secret).send().await?;
        let app = App { user: user.clone(), arn: described.arn.context("no ARN")? };
        let unguarded = developer.tag_resource().secret_id(&app.arn).tags(tag("team", "shop")).send().await;
        ensure!(unguarded.is_ok(), "{unguarded:?}");

        let password = cloud.value(&app.arn, "AWSCURRENT").await?["password"].as_str().map(str::to_owned);
        let management = cloud.broker.management()?;
        management.create_user(&user, &password.context("no password")?, &[]).await?;
        management.set_permissions(&user, "/", ["", "^orders$", ""]).await?;
        let guards = [
            cloud.stack.output("RotationRoleArn")?,
            cloud.stack.output("Secret2EksRoleArn")?,
            pipeline_arn.as_str(),
        ]
        .join(",");
        parameters.push(("Rotation", "on"));
        parameters.push(("GuardRoleArns", guards.as_str()));
        cloud.aws.deploy(&user, &template, &parameters, &[]).await?;
        let rotation = cloud.aws.wait_for_rotation(&app.arn, None, LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        converged(cloud, &user, &app.arn, &rotation.version_id).await?;
        // The receipt: secret2eks may tag the secret.
        cloud.wait_for_tag(&app.arn, RECEIPT, &rotation.version_id, LIMIT).await?;

        let allowed = changes(&developer, &app.arn).await?;
        ensure!(allowed.is_empty(), "the developer's role may still call {allowed:?}");
        // Identity policies still decide who may read.
        developer.get_secret_value().secret_id(&app.arn).send().await?;
        let filter = aws_sdk_secretsmanager::types::Filter::builder();
        let filter = filter.key(FilterNameStringType::Name).values(&secret).build();
        developer.list_secrets().filters(filter).send().await?;

        // The role that deploys switches rotation off and on.
        pipeline.cancel_rotate_secret().secret_id(&app.arn).send().await?;
        let version = pipeline.rotate_secret().secret_id(&app.arn).send().await?.version_id;
        let rotation = cloud.aws.wait_for_rotation(&app.arn, version.as_deref(), LIMIT).await?;
        ensure!(rotation.outcome == "succeeded", "{rotation:?}");
        converged(cloud, &user, &app.arn, &rotation.version_id).await?;
        cloud.wait_for_tag(&app.arn, RECEIPT, &rotation.version_id, LIMIT).await?;

        // Without the parameter, the policy is removed.
        parameters.retain(|(key, _)| *key != "GuardRoleArns");
        parameters.push(("GuardRoleArns", ""));
        cloud.aws.deploy(&user, &template, &parameters, &[]).await?;
        developer.tag_resource().secret_id(&app.arn).tags(tag("team", "cookies")).send().await?;
        Ok(())
    })
}

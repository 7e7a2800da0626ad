//! What the suite does itself raises no alert.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::aws::RotationOptions;
use testbed::cloud::Cloud;

use super::{Watch, read, reader, trace};
use crate::failure_path::Path;

/// A day of an application: its secret rotates twice, the operator refreshes it every hour, the previous credentials are
/// revoked, and the hourly check runs.
#[test]
fn a_busy_day_raises_no_alert_about_access() -> Result<()> {
    on_the_cloud(async |cloud| {
        let store = name("store");
        let watch = Watch::deploy(cloud, "busy", &store, &[("InsideNetworks", "203.0.113.0/24")]).await?;
        let stack = &watch.path.variant.stack;
        let operator = reader(cloud, &store).await?;
        let user = watch.name_of("app");
        let app = cloud.create_app(&user).await?;
        let secret = format!("rabbitmq/{user}");
        // Functions without subnets call AWS from anywhere.
        let (inside, outside) = ("203.0.113.7", "198.51.100.7");
        let from = async |address: &str| {
            let call_address = Some(address.to_owned());
            trace(cloud, &secret, RotationOptions { call_address, ..RotationOptions::default() }).await
        };
        from(outside).await?;

        // A deployment attaches the policy to the new secret.
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*",
        }]});
        let put = cloud.secrets.put_resource_policy().secret_id(&app.arn);
        put.resource_policy(policy.to_string()).send().await?;
        let mut first = None;
        for _ in 0..2 {
            let version = rotate(cloud, &watch.path, &app.arn).await?;
            first.get_or_insert(version);
            from(inside).await?;
            for _ in 0..12 {
                read(&operator, &secret).await?;
            }
            from(outside).await?;
        }
        let revoke = json!({
            "Action": "revokePrevious", "SecretId": app.arn, "VersionId": first, "force": true,
            "Reason": "a busy day", "By": "ada",
        });
        cloud.invoke_function(stack.output("IncidentFunctionName")?, &revoke).await?.value()?;
        watch.path.own.send(&[json!({"schema": "dlq-handler-sweep/1"}).to_string()]).await?;
        watch.path.is_empty().await?;
        let items = access_items(cloud, &watch.path).await?;
        ensure!(items == 0, "{items} incidents of access");
        watch.is_silent(&app.arn).await
    })
}

/// Rotates with the function of that stack. Returns the new version.
async fn rotate(cloud: &Cloud, path: &Path, arn: &str) -> Result<String> {
    let rotate = cloud.secrets.rotate_secret().secret_id(arn).rotation_lambda_arn(&path.variant.function);
    let version = rotate.send().await?.version_id.context("no version")?;
    let limit = std::time::Duration::from_secs(60);
    let rotation = cloud.aws.wait_for_rotation(arn, Some(&version), limit).await?;
    ensure!(rotation.outcome == "succeeded", "{rotation:?}");
    Ok(version)
}

async fn access_items(cloud: &Cloud, path: &Path) -> Result<usize> {
    let table = path.variant.stack.output("IncidentsTableName")?;
    let scan = ["dynamodb", "scan", "--table-name", table, "--filter-expression", "area = :area"];
    let values = r#"{":area": {"S": "access"}}"#;
    let found =
        crate::support::run_cli(cloud, &[&scan[..], &["--expression-attribute-values", values]].concat())
            .await?;
    Ok(found["Items"].as_array().map_or(0, Vec::len))
}

//! The permissions of rotation-watch.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_secretsmanager::types::RotationRulesType;
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::{Alerts, Cloud, Variant, tag};

use super::{Role, Unasked};

#[test]
fn every_permission_of_rotation_watch_is_needed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let own = name("watch-rights");
        let names = format!("{own}/");
        let parameters = [("InspectEverySecret", "true"), ("SecretNamePrefix", names.as_str())];
        let variant = cloud.deploy_variant(&own, &parameters, &[]).await?;
        let secret = rotated(cloud, &variant).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        let unasked: [Unasked<'_>; 2] = [
            ("kms:", "", "SNS asks for them in the caller's name"),
            ("logs:", "", "Lambda writes the log with the function's role"),
        ];
        let role = Role::of(cloud, &variant.stack, "WatchRole").await?;
        role.needs_each_of_its_rights(&unasked, async || works(cloud, &variant, &alerts, &secret).await).await
    })
}

/// A secret whose rotation is switched on, and whose value names a user that the broker does not have.
async fn rotated(cloud: &Cloud, variant: &Variant) -> Result<String> {
    let value = json!({
        "engine": "rabbitmq", "brokerId": cloud.broker_id, "masterarn": cloud.admin_secret,
        "username": name("nobody"), "password": "nobody knows",
    });
    let create = cloud.secrets.create_secret().name(format!("{}/rotated", variant.name));
    let created = create.secret_string(value.to_string()).tags(tag("rotation-mq", "rotate")).send().await?;
    let arn = created.arn.context("no ARN")?;
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let rotate = cloud.secrets.rotate_secret().secret_id(&arn).rotation_rules(rules);
    rotate.rotation_lambda_arn(&variant.function).rotate_immediately(false).send().await?;
    Ok(arn)
}

/// Notifies the owner of a new secret that is due. Then inspects a secret that does not log in, and reports that.
async fn works(cloud: &Cloud, variant: &Variant, alerts: &Alerts, secret: &str) -> Result<()> {
    let owner = name("watch-rights");
    let create = cloud.secrets.create_secret().name(format!("partner/{owner}")).secret_string("{}");
    let tags = [("rotation-watch/max-age-days", "3"), ("rotation-watch/owner", owner.as_str())];
    create.set_tags(Some(tags.iter().map(|(key, value)| tag(key, value)).collect())).send().await?;
    let function = variant.stack.output("WatchFunctionName")?;
    let answer = cloud.invoke_function(function, &json!({})).await?.value()?;
    ensure!(answer["messages"].as_u64() >= Some(1), "{answer}");
    alerts.wait_for(&format!("digest of {owner}"), 1).await?;
    let answer =
        cloud.invoke_function(function, &json!({"Action": "inspect", "SecretId": secret})).await?.value()?;
    ensure!(answer["told"] == 1, "{answer}");
    Ok(())
}

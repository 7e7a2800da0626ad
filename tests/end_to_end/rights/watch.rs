//! The permissions of rotation-watch.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};
use serde_json::json;
use testbed::cloud::{Alerts, Cloud, Variant, tag};

use super::{Role, Unasked};

#[test]
fn every_permission_of_rotation_watch_is_needed() -> Result<()> {
    on_the_cloud(async |cloud| {
        let variant = cloud.deploy_variant(&name("watch-rights"), &[], &[]).await?;
        let alerts = cloud.alerts_of(&variant).await?;
        let failures = variant.stack.output("DeadLetterTopicArn")?;
        let unasked: [Unasked<'_>; 3] = [
            ("sns:Publish", failures, "Lambda sends the record of a failed run with the function's role"),
            ("kms:", "", "SNS asks for them in the caller's name"),
            ("logs:", "", "Lambda writes the log with the function's role"),
        ];
        let role = Role::of(cloud, &variant.stack, "WatchRole").await?;
        role.needs_each_of_its_rights(&unasked, async || works(cloud, &variant, &alerts).await).await
    })
}

/// Notifies the owner of a new secret that is due.
async fn works(cloud: &Cloud, variant: &Variant, alerts: &Alerts) -> Result<()> {
    let owner = name("watch-rights");
    let create = cloud.secrets.create_secret().name(format!("partner/{owner}")).secret_string("{}");
    let tags = [("rotation-watch/max-age-days", "3"), ("rotation-watch/owner", owner.as_str())];
    create.set_tags(Some(tags.iter().map(|(key, value)| tag(key, value)).collect())).send().await?;
    let function = variant.stack.output("WatchFunctionName")?;
    let answer = cloud.invoke_function(function, &json!({})).await?.value()?;
    ensure!(answer["messages"].as_u64() >= Some(1), "{answer}");
    alerts.wait_for(&format!("digest of {owner}"), 1).await.map(drop)
}
